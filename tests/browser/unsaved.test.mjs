// What is typed in settings and not saved: it is named, kept, and asked about.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { accessible, agentWindow, closeBrowser, openDemo, shot } from './support.mjs';

let demo;
before(async () => { demo = await openDemo(); });
after(async () => { await closeBrowser(); await demo.close(); });

const signIn = (options) => agentWindow(demo, options, demo.email, demo.password);
const bar = (page) => page.getByRole('region', { name: 'Not saved yet' });

/** What the look of the page shows already is not saved before the next page says so. */
async function saves(agent) {
  const next = agent.waitForEvent('load');
  await bar(agent).getByRole('button', { name: 'Save' }).click();
  await next;
}

for (const [scheme, width] of [['light', 1280], ['dark', 390]]) {
  test(`a bar in sight names what is not saved, and puts it back, ${scheme}, ${width} px`, async () => {
    const agent = await signIn({ colorScheme: scheme, viewport: { width, height: 844 } });
    await agent.goto(`${demo.url}/settings/site`);
    assert.equal(await bar(agent).count(), 0);
    const shop = agent.locator('#shop');
    const before = await shop.inputValue();
    await shop.fill('Bowls');
    await agent.getByRole('radio', { name: 'Left' }).or(agent.locator('input[name="position"]:not(:checked)')).first().check();
    await bar(agent).waitFor();
    assert.match(await bar(agent).innerText(), /^Not saved yet: Shop name and /);
    const box = await bar(agent).boundingBox();
    assert.ok(box.y >= 0 && box.y + box.height <= 844, JSON.stringify(box));
    await accessible(agent, `unsaved ${scheme} ${width}`);
    await shot(agent, `unsaved-${scheme}-${width}`);
    await agent.getByRole('button', { name: 'Discard' }).click();
    await bar(agent).waitFor({ state: 'hidden' });
    assert.equal(await shop.inputValue(), before);
    await agent.done();
  });
}

test('leaving by a link asks first and says what would be lost; staying loses nothing', async () => {
  const agent = await signIn();
  await agent.goto(`${demo.url}/settings/site`);
  await agent.locator('#shop').fill('Plates');
  const away = agent.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Inbox' });
  await away.click();
  const dialog = agent.getByRole('dialog', { name: 'Leave without saving?' });
  await dialog.getByText('This would be lost: Shop name').waitFor();
  await accessible(agent, 'leaving');
  await shot(agent, 'unsaved-leaving');
  await agent.keyboard.press('Escape');
  await dialog.waitFor({ state: 'hidden' });
  assert.equal(await agent.locator('#shop').inputValue(), 'Plates');
  // By the address, the browser asks.
  const asked = new Promise((resolve) => { agent.once('dialog', (it) => { resolve(it.type()); void it.dismiss(); }); });
  await agent.goto(`${demo.url}/inbox`).catch(() => {});
  assert.equal(await asked, 'beforeunload');
  await away.click();
  await dialog.getByRole('button', { name: 'Leave' }).click();
  await agent.waitForURL(/\/inbox/);
  await agent.done();
});

test('saving one form keeps what is typed in another, and the bar saves all of them', async () => {
  const agent = await signIn();
  await agent.goto(`${demo.url}/me`);
  const larger = agent.getByRole('radio', { name: 'Very large' });
  await larger.check();
  await agent.locator('#name').fill('Ada Y.');
  await agent.locator('form[action="/me/profile"] button').click();
  await agent.waitForURL(/done=saved/);
  await bar(agent).waitFor();
  assert.ok(await larger.isChecked());
  assert.match(await bar(agent).innerText(), /^Not saved yet: Text size$/m);
  await agent.locator('#name').fill('Ada Yıldız');
  await saves(agent);
  assert.ok(await larger.evaluate((it) => it.defaultChecked));
  assert.equal(await agent.locator('#name').inputValue(), 'Ada Yıldız');
  assert.equal(await bar(agent).count(), 0);
  // What is refused is still unsaved, and says why at its place.
  await agent.locator('#name').fill('Ada '.repeat(30));
  await agent.getByRole('radio', { name: 'Normal' }).check();
  await bar(agent).getByRole('button', { name: 'Save' }).click();
  await agent.locator('#name-error').waitFor();
  await bar(agent).waitFor();
  assert.ok(await agent.getByRole('radio', { name: 'Normal' }).isChecked());
  await agent.locator('#name').fill('Ada Yıldız');
  await saves(agent);
  assert.ok(await agent.getByRole('radio', { name: 'Normal' }).evaluate((it) => it.defaultChecked));
  await agent.done();
});

test('what is kept over a save is what one changed there, and nothing that somebody else has changed since', async () => {
  const agent = await signIn();
  const box = (page, name) => page.locator(`form[action="/me/look"] input[name="${name}"]:not(:checked)`).first();
  const value = (page, name) => page.locator(`form[action="/me/look"] input[name="${name}"]:checked`).getAttribute('value');
  await agent.goto(`${demo.url}/me`);
  await box(agent, 'size').check();
  const size = await value(agent, 'size');
  const beside = await agent.context().newPage();
  await beside.goto(`${demo.url}/me`);
  await box(beside, 'spacing').check();
  const spacing = await value(beside, 'spacing');
  await beside.locator('form[action="/me/look"] button').click();
  await beside.waitForURL(/done=saved/);
  await agent.locator('form[action="/me/profile"] button').click();
  await agent.waitForURL(/done=saved/);
  await bar(agent).waitFor();
  assert.match(await bar(agent).innerText(), /^Not saved yet: Text size$/m);
  assert.deepEqual([await value(agent, 'size'), await value(agent, 'spacing')], [size, spacing]);
  await agent.getByRole('button', { name: 'Discard' }).click();
  await box(agent, 'spacing').check();
  await saves(agent);
  await beside.close();
  await agent.done();
});

test('while nobody answers, what was to be saved stays, on the page or on the way back to it', async () => {
  const agent = await signIn();
  await agent.goto(`${demo.url}/me`);
  const name = await agent.locator('#name').inputValue();
  await agent.locator('#name').fill('Ada B.');
  await agent.getByRole('radio', { name: 'Very large' }).check();
  await agent.route(/\/me\/(profile|look)$/, (route) => route.fulfill({ status: 502, contentType: 'text/html', body: '<h1>Bad gateway</h1>' }));
  await bar(agent).getByRole('button', { name: 'Save' }).click();
  await agent.locator('.toast').waitFor();
  assert.equal(await agent.locator('#name').inputValue(), 'Ada B.');
  await agent.locator('form[action="/me/profile"] button').click();
  await agent.getByText('Bad gateway').waitFor();
  await agent.goto(`${demo.url}/me`);
  await bar(agent).waitFor();
  assert.equal(await agent.locator('#name').inputValue(), 'Ada B.');
  assert.ok(await agent.getByRole('radio', { name: 'Very large' }).isChecked());
  await agent.getByRole('button', { name: 'Discard' }).click();
  assert.equal(await agent.locator('#name').inputValue(), name);
  await agent.done();
});

test('where the browser keeps nothing, saving one form asks before the others are lost', async () => {
  const agent = await signIn();
  await agent.goto(`${demo.url}/me`);
  await agent.evaluate(() => { Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); }; });
  await agent.locator('#name').fill('Ada C.');
  await agent.getByRole('radio', { name: 'Very large' }).check();
  await agent.locator('form[action="/me/profile"] button').click();
  const dialog = agent.getByRole('dialog', { name: 'Leave without saving?' });
  await dialog.getByText('This would be lost: Text size').waitFor();
  await dialog.getByRole('button', { name: 'Stay here' }).click();
  await agent.getByRole('button', { name: 'Discard' }).click();
  await agent.done();
});

test('a password that is typed is kept nowhere: saving something else asks first', async () => {
  const agent = await signIn();
  await agent.goto(`${demo.url}/me`);
  await agent.locator('#password').fill('a brand new sentence');
  await agent.locator('#name').fill('Ada');
  await agent.locator('form[action="/me/profile"] button').click();
  const dialog = agent.getByRole('dialog', { name: 'Leave without saving?' });
  await dialog.getByText('This would be lost: New password').waitFor();
  await dialog.getByRole('button', { name: 'Stay here' }).click();
  assert.equal(await agent.locator('#password').inputValue(), 'a brand new sentence');
  const stored = await agent.evaluate(() => JSON.stringify({ ...sessionStorage, ...localStorage }));
  assert.ok(!stored.includes('brand new'));
  await agent.locator('#password').fill('');
  await agent.locator('#name').fill('Ada Yıldız');
  await agent.done();
});

test('on a phone the settings are a list, then a page with a way back to it', async () => {
  const agent = await signIn({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
  await agent.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Settings' }).tap();
  await agent.waitForURL(/\/settings$/);
  const index = agent.getByRole('navigation', { name: 'Settings pages' });
  await accessible(agent, 'the list of settings');
  await shot(agent, 'settings-index-390');
  assert.ok(!(await agent.locator('.settings-main').isVisible()));
  await index.getByRole('link', { name: 'Mail' }).tap();
  await agent.waitForURL(/\/settings\/mail/);
  assert.ok(!(await index.isVisible()));
  await agent.locator('.settings-back').tap();
  await index.waitFor();
  await agent.done();
  const wide = await signIn();
  await wide.goto(`${demo.url}/settings`);
  await wide.locator('#shop').waitFor();
  assert.ok(await wide.getByRole('navigation', { name: 'Settings pages' }).isVisible());
  await wide.done();
});
