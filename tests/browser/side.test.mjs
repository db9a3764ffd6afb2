// The menu at the side, which folds; the bar of a phone and its sheet; what an agent
// chose to wear, from the first paint on.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { accessible, agentWindow, closeBrowser, openDemo, shot } from './support.mjs';

let demo;
before(async () => { demo = await openDemo(); });
after(async () => { await closeBrowser(); await demo.close(); });

const signIn = (options) => agentWindow(demo, options, demo.email, demo.password);
const side = (page) => page.locator('.side').evaluate((it) => it.getBoundingClientRect().width);

test('the side menu folds, says so, shows what it hides, and is folded from the first paint of every page', async () => {
  const agent = await signIn();
  assert.equal(await side(agent), 216);
  const kept = agent.waitForResponse((it) => it.url().endsWith('/me/menu'));
  await agent.getByRole('button', { name: 'Fold the menu' }).click();
  assert.equal((await kept).status(), 204);
  assert.equal(await side(agent), 56);
  const unfold = agent.getByRole('button', { name: 'Unfold the menu' });
  assert.equal(await unfold.getAttribute('aria-expanded'), 'false');
  await agent.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Settings' }).focus();
  assert.equal(await agent.locator('.tip').innerText(), 'Settings');
  await shot(agent, 'side-folded');
  // On another device, before any script has run.
  const other = await signIn({ javaScriptEnabled: false });
  assert.equal(await side(other), 56);
  await other.done();
  const again = agent.waitForResponse((it) => it.url().endsWith('/me/menu'));
  await unfold.press('Enter');
  await again;
  assert.equal(await side(agent), 216);
  await agent.done();
});

test('twelve places fit beside 1280 × 720 in Turkish, and none of their words is cut', async () => {
  const agent = await signIn({ viewport: { width: 1280, height: 720 } });
  const cut = await agent.evaluate(() => {
    const sections = [['Sohbetler', 'Gelen kutusu', 'Arşiv', 'Hatırlatıcılar'], ['Kişiler', 'Ziyaretçiler', 'Müşteri kayıtları', 'Ekip arkadaşları'], ['Mağaza', 'İstatistikler', 'Otomatik mesajlar', 'Kanallar', 'Ürünler ve indirimler', 'Puanlamalar']];
    const middle = document.querySelector('.side-middle');
    const model = middle.querySelector('li');
    middle.replaceChildren(...sections.flatMap(([title, ...places]) => {
      const head = Object.assign(document.createElement('p'), { className: 'side-title', textContent: title });
      const list = document.createElement('ul');
      list.setAttribute('role', 'list');
      list.append(...places.map((it) => {
        const made = model.cloneNode(true);
        made.querySelector('.side-label').textContent = it;
        return made;
      }));
      return [head, list];
    }));
    document.querySelector('.side-foot .side-label').textContent = 'Ayarlar';
    const labels = [...document.querySelectorAll('.side .side-label')].filter((it) => it.checkVisibility());
    const words = labels.filter((it) => it.scrollWidth > it.clientWidth).map((it) => it.textContent);
    return { places: document.querySelectorAll('.side-nav li').length, words, scrolls: middle.scrollHeight - middle.clientHeight };
  });
  await shot(agent, 'side-twelve');
  assert.deepEqual(cut, { places: 12, words: [], scrolls: 0 });
  await agent.done();
});

for (const scheme of ['light', 'dark']) {
  test(`the face opens a menu that the keyboard and a screen reader find their way in, ${scheme}`, async () => {
    const agent = await signIn({ colorScheme: scheme });
    await agent.locator('.side-me').press('Enter');
    const menu = agent.getByRole('dialog', { name: 'Ada Yıldız, account' });
    await menu.waitFor();
    await agent.keyboard.press('Tab');
    assert.equal(await agent.evaluate(() => document.activeElement.textContent.trim()), 'My account');
    await accessible(agent, `the menu, ${scheme}`);
    await shot(agent, `side-menu-${scheme}`);
    await agent.keyboard.press('Escape');
    await menu.waitFor({ state: 'hidden' });
    assert.ok(await agent.locator('.side-me').evaluate((it) => it === document.activeElement));
    await agent.done();
  });

  test(`on a phone a bar of slots for a thumb holds the first places, and More the rest, ${scheme}`, async () => {
    const agent = await signIn({ colorScheme: scheme, viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
    const bar = agent.locator('.side li.in-bar:visible, .side-more');
    const boxes = await bar.evaluateAll((all) => all.map((it) => it.getBoundingClientRect()));
    assert.ok(boxes.length <= 5 && boxes.every((it) => it.width >= 44 && it.height >= 44 && it.bottom <= 844), JSON.stringify(boxes));
    await agent.getByRole('button', { name: 'More' }).tap();
    const sheet = agent.getByRole('dialog', { name: 'Ada Yıldız, account' });
    await sheet.waitFor();
    const wide = await sheet.evaluate((it) => it.getBoundingClientRect().width);
    assert.equal(wide, 390);
    for (const name of ['Inbox', 'Settings', 'My account']) await sheet.getByRole('link', { name }).waitFor();
    await sheet.getByRole('button', { name: 'Sign out' }).waitFor();
    await accessible(agent, `the sheet, ${scheme}`);
    await shot(agent, `side-sheet-${scheme}`);
    await sheet.getByRole('link', { name: 'My account' }).tap();
    await agent.waitForURL(/\/me$/);
    await agent.getByRole('button', { name: 'More' }).tap();
    await sheet.getByRole('button', { name: 'Sign out' }).tap();
    await agent.waitForURL(/\/login/);
    await agent.done();
  });
}

test('a conversation on a phone has the whole screen for itself', async () => {
  const agent = await signIn({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
  await agent.getByRole('link', { name: /^Client \d+/ }).first().tap();
  await agent.getByRole('log', { name: 'Messages' }).waitFor();
  await agent.locator('.side').waitFor({ state: 'hidden' });
  await agent.done();
});

/** What is painted before any script: a window in which none runs. */
const LOOK = () => ({
  page: getComputedStyle(document.body).backgroundColor,
  menu: getComputedStyle(document.querySelector('.side')).backgroundColor,
  text: getComputedStyle(document.querySelector('h1')).fontSize,
  gap: getComputedStyle(document.querySelector('.settings-main')).rowGap,
});

async function choose(agent, choices) {
  await agent.goto(`${demo.url}/me`);
  const form = agent.locator('form[action="/me/look"]');
  for (const [name, value] of Object.entries(choices)) {
    if (name === 'zone') await form.locator('#zone').selectOption(value);
    else await form.locator(`[name="${name}"][value="${value}"]`).check();
  }
  await form.getByRole('button', { name: 'Save' }).click();
  await agent.waitForURL(/done=saved/);
}

test('what an agent chose to wear is there at the first paint, on a device that is set otherwise', async () => {
  const agent = await signIn({ colorScheme: 'light' });
  await agent.goto(`${demo.url}/me`);
  const plain = await agent.evaluate(LOOK);
  await choose(agent, { theme: 'dark', menu: 'light', size: 'larger', spacing: 'compact' });
  const other = await signIn({ colorScheme: 'light', javaScriptEnabled: false });
  await other.goto(`${demo.url}/me`);
  const worn = await other.evaluate(LOOK);
  await shot(other, 'dress-dark-light');
  assert.notEqual(worn.page, plain.page);
  assert.equal(worn.menu, plain.menu);
  assert.equal(parseFloat(worn.text) / parseFloat(plain.text), 1.25);
  // Of the larger text, and yet smaller.
  assert.ok(parseFloat(worn.gap) < parseFloat(plain.gap), `${worn.gap} is not less than ${plain.gap}`);
  await other.done();
  await accessible(agent, 'a dark page beside a light menu');
  await agent.getByRole('button', { name: 'Undo' }).click();
  await agent.waitForURL(/done=undone/);
  assert.deepEqual(await agent.evaluate(LOOK), plain);
  await choose(agent, { theme: 'light', menu: 'dark' });
  const dusk = await signIn({ colorScheme: 'dark', javaScriptEnabled: false });
  await dusk.goto(`${demo.url}/me`);
  const day = await dusk.evaluate(LOOK);
  assert.deepEqual([day.page, day.menu], [plain.page, worn.page]);
  await dusk.done();
  await accessible(agent, 'a light page beside a dark menu');
  await choose(agent, { theme: 'system', menu: 'page' });
  await agent.done();
});

test('what is chosen to wear is seen at once, and taken off again with what is not saved', async () => {
  const agent = await signIn({ colorScheme: 'light' });
  await agent.goto(`${demo.url}/me`);
  const plain = await agent.evaluate(LOOK);
  await agent.locator('form[action="/me/look"]').locator('[name="theme"][value="dark"]').check();
  assert.notEqual((await agent.evaluate(LOOK)).page, plain.page);
  await agent.getByRole('button', { name: 'Discard' }).click();
  assert.deepEqual(await agent.evaluate(LOOK), plain);
  await agent.done();
});

test('times are told in the zone that the agent chose, whatever his device says', async () => {
  const agent = await signIn({ timezoneId: 'America/New_York' });
  const time = agent.locator('.thing time').first();
  await choose(agent, { zone: 'Asia/Kolkata' });
  const iso = await time.getAttribute('datetime');
  const told = (timeZone) => new Intl.DateTimeFormat('en', { dateStyle: 'full', timeStyle: 'short', timeZone }).format(new Date(iso));
  assert.equal(await time.getAttribute('title'), told('Asia/Kolkata'));
  await choose(agent, { zone: '' });
  assert.equal(await time.getAttribute('title'), told('America/New_York'));
  await agent.done();
});
