// The palette and the keys: everything is found by typing, nothing old overtakes what
// is new, what does not work is said, and what is pressed can be looked up.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { accessible, agentWindow, closeBrowser, openHouse, shot, stranger, window } from './support.mjs';

let house;
before(async () => {
  house = await openHouse({ args: ['--trusted-proxies', '127.0.0.1'] });
  for (const body of ['a blue teapot', 'a green teapot', 'one mug', 'two mugs', 'three mugs', 'four mugs']) await (await stranger(house)).writes(body);
});
after(async () => { await closeBrowser(); await house.close(); });

const palette = (page) => page.getByRole('dialog', { name: 'Search' });
const box = (page) => palette(page).getByRole('combobox');
const option = (page, name) => palette(page).getByRole('option', { name });
const opens = async (page) => {
  await page.keyboard.press('Control+k');
  await box(page).waitFor();
};
/** What the box says is chosen. */
const chosen = (page) => page.evaluate(() => {
  const id = document.querySelector('#palette input').getAttribute('aria-activedescendant');
  const option = id && document.getElementById(id);
  return option?.getAttribute('aria-selected') === 'true' ? option.textContent : null;
});
const says = (page, text) => palette(page).getByRole('status').filter({ hasText: text }).waitFor();

test('by keyboard alone a chat is found, opened and resolved, and what was picked comes back', async () => {
  const agent = await agentWindow(house);
  await opens(agent);
  await option(agent, /^Inbox/).waitFor();
  assert.match(await chosen(agent), /./, 'the first stands ready');
  assert.equal(await option(agent, 'Sign out').count(), 0, 'no hasty Enter signs out');
  await box(agent).fill('s');
  await option(agent, 'Sign out').waitFor();
  await option(agent, /^Settings/).waitFor();
  const offered = await palette(agent).getByRole('option').allTextContents();
  assert.ok(offered.findIndex((it) => it.startsWith('Settings')) < offered.indexOf('Sign out'), offered.join());
  await box(agent).fill('');
  await box(agent).pressSequentially('TEAPÓT');
  await option(agent, /blue teapot/).waitFor();
  await says(agent, '2 results');
  const first = await chosen(agent);
  await agent.keyboard.press('ArrowDown');
  assert.notEqual(await chosen(agent), first);
  await agent.keyboard.press('ArrowDown');
  assert.equal(await chosen(agent), first, 'round and round');
  assert.ok(await box(agent).evaluate((it) => it === document.activeElement), 'the focus stays in the box');
  // Enter waits for the answer to what stands there.
  await box(agent).fill('green');
  await agent.keyboard.press('Enter');
  await agent.getByRole('log', { name: 'Messages' }).getByText('a green teapot').waitFor();
  assert.equal(await palette(agent).count(), 0);

  await opens(agent);
  await palette(agent).getByRole('group', { name: 'Recent' }).getByRole('option', { name: 'Client 2' }).waitFor();
  // It is forgotten once somebody sees or may something else.
  await agent.keyboard.press('Escape');
  const look = await agent.evaluate(() => { const { look } = document.body.dataset; document.body.dataset.look = 'agent -1'; return look; });
  await opens(agent);
  await option(agent, /^Inbox/).waitFor();
  assert.equal(await palette(agent).getByRole('group', { name: 'Recent' }).count(), 0);
  await agent.keyboard.press('Escape');
  await agent.evaluate((it) => { document.body.dataset.look = it; }, look);
  await opens(agent);
  await box(agent).fill('resolve');
  const deed = palette(agent).getByRole('group', { name: 'On this page' }).getByRole('option', { name: /^Resolve/ });
  await deed.waitFor();
  assert.match(await chosen(agent), /^Resolve/);
  await agent.keyboard.press('Enter');
  await agent.getByRole('button', { name: 'Reopen' }).waitFor();

  const reopen = agent.getByRole('button', { name: 'Reopen' });
  await reopen.focus();
  await opens(agent);
  await box(agent).fill('reso');
  assert.equal(await palette(agent).getByRole('option', { name: /^Resolve / }).count(), 0, 'what cannot be done is not offered');
  await agent.keyboard.press('Escape');
  assert.ok(await reopen.evaluate((it) => it === document.activeElement), 'the focus is back');
  // A deed that opens a sheet does so.
  await opens(agent);
  await box(agent).fill('tags');
  await option(agent, 'Tags').first().waitFor();
  await agent.keyboard.press('Enter');
  await agent.getByRole('dialog', { name: 'Tags' }).waitFor();
  await agent.done();
});

test('an old answer never takes the place of a newer one, and what goes wrong is said', async () => {
  const agent = await agentWindow(house);
  let release;
  const held = new Promise((resolve) => { release = resolve; });
  let mode = 'hold';
  await agent.route(/\/find\?/, async (route) => {
    const q = new URL(route.request().url()).searchParams.get('q');
    if (mode === 'hold' && q === 'teapot') await held;
    if (mode === 'break') return route.fulfill({ status: 500, body: 'no' });
    if (mode === 'slow') return route.fulfill({ status: 429, headers: { 'retry-after': '3' }, body: 'no' });
    if (mode === 'gone') return route.abort();
    await route.continue().catch(() => {});
  });
  // What is typed before the script is there presses no key, and is looked for.
  await agent.route(/palette\.[^/]*\.js/, async (route) => {
    await new Promise((resolve) => { setTimeout(resolve, 300); });
    await route.continue();
  });
  await agent.keyboard.press('Control+k');
  await agent.keyboard.type('fe', { delay: 0 });
  await says(agent, 'Nothing found for “fe”.');
  assert.ok(!(await agent.locator('#filter').isVisible()));
  await box(agent).fill('teapot');
  await says(agent, 'Searching…');
  await box(agent).fill('four mugs');
  await option(agent, /four mugs/).waitFor();
  release();
  await says(agent, '1 result');
  assert.equal(await option(agent, /teapot/).count(), 0);
  // Nor does Enter take what was found for the words before, though it is on its way.
  const asked = agent.waitForRequest(/q=mug[^s]*$|q=mug&/);
  await box(agent).fill('mug');
  await asked;
  await box(agent).fill('three');
  await agent.keyboard.press('Enter');
  await agent.getByRole('log', { name: 'Messages' }).getByText('three mugs').waitFor();
  await opens(agent);
  for (const [next, text] of [['break', 'did not work'], ['slow', 'wait a few seconds'], ['gone', 'No connection']]) {
    mode = next;
    await box(agent).fill(`mug ${next}`);
    await says(agent, text);
    assert.equal(await palette(agent).getByRole('option').count(), 0, next);
  }
  mode = '';
  await box(agent).fill('<b>zzz');
  await says(agent, 'Nothing found for “<b>zzz”.');
  await agent.done();
});

for (const [colorScheme, width] of [['light', 1280], ['dark', 1280], ['light', 390], ['dark', 390]]) {
  test(`open, the palette and the keys have no accessibility violation, ${colorScheme}, ${width} px`, async () => {
    const agent = await agentWindow(house, { colorScheme, viewport: { width, height: 844 } });
    // Where there is no keyboard it is opened by hand.
    await agent.getByRole('link', { name: 'Search' }).click();
    await option(agent, /^Inbox/).waitFor();
    const look = async (state) => {
      await accessible(agent, `${state}, ${colorScheme}, ${width} px`);
      const over = await agent.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.ok(over <= 0, `${state}: ${over} px too wide`);
      await shot(agent, `palette-${state}-${colorScheme}-${width}`);
    };
    await look('empty');
    await box(agent).fill('teapot');
    await option(agent, /blue teapot/).waitFor();
    await look('found');
    await box(agent).fill('zzz');
    await says(agent, 'Nothing found');
    await look('nothing');
    await palette(agent).getByRole('button', { name: 'Keyboard shortcuts' }).click();
    await agent.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor();
    await look('keys');
    await agent.getByRole('dialog').getByRole('button', { name: 'Close' }).click();
    await agent.getByRole('dialog').waitFor({ state: 'hidden' });
    await agent.done();
  });
}

test('keys are looked up, do what is written there, and can be switched off', async () => {
  const agent = await agentWindow(house);
  const rows = agent.locator('.row a');
  await rows.first().waitFor();
  // As pages that stay do it: a click changes what is shown, and loads nothing.
  await agent.evaluate(() => document.addEventListener('click', (event) => {
    if (event.target.closest('.row a')) event.preventDefault();
  }, true));
  const standsAt = (n) => rows.nth(n).evaluate((it) => it === document.activeElement);
  await agent.keyboard.press('j');
  for (let n = 0; n < 4; n += 1) await agent.keyboard.press('j');
  assert.ok(await standsAt(4), 'four quick ones move four rows');
  // The key in the same place, on a Russian keyboard.
  await agent.evaluate(() => document.activeElement.dispatchEvent(new KeyboardEvent('keydown', { key: 'л', code: 'KeyK', bubbles: true })));
  assert.ok(await standsAt(3));

  const keys = agent.getByRole('dialog', { name: 'Keyboard shortcuts' });
  await agent.keyboard.press('?');
  await keys.waitFor();
  for (const words of ['Next chat', 'Resolve', 'Settings']) await keys.getByText(words, { exact: true }).waitFor();
  // Its own ground is no way out; what is beside it is.
  const { x, y } = await keys.boundingBox();
  await agent.mouse.click(x + 4, y + 40);
  assert.ok(await keys.isVisible());
  await agent.mouse.click(x - 40, y + 40);
  await keys.waitFor({ state: 'hidden' });
  await rows.nth(3).focus();
  await agent.keyboard.press('?');
  await keys.getByRole('switch', { name: 'Single keys' }).click();
  await agent.keyboard.press('Escape');
  await agent.keyboard.press('k');
  await agent.keyboard.press('?');
  assert.ok(await standsAt(3) && !(await keys.isVisible()), 'they are off');
  await agent.keyboard.press('Control+k');
  await box(agent).fill('keyboard');
  await option(agent, 'Keyboard shortcuts').waitFor();
  await agent.keyboard.press('Enter');
  await keys.getByRole('switch', { name: 'Single keys' }).click();
  await agent.keyboard.press('Escape');
  await agent.keyboard.press('/');
  await box(agent).fill('');
  await box(agent).pressSequentially('gs/?');
  assert.equal(await box(agent).inputValue(), 'gs/?', 'in a field they are letters');
  await agent.keyboard.press('Escape');
  await agent.keyboard.press('f');
  await agent.locator('#filter').waitFor();
  await agent.keyboard.press('Escape');
  await agent.keyboard.press('g');
  await agent.keyboard.press('s');
  await agent.waitForURL(/\/settings/);
  await agent.keyboard.press('g');
  await agent.keyboard.press('i');
  await agent.waitForURL(/\/inbox/);
  // The second of two is used up where it leads nowhere, too: F alone would open a sheet.
  await rows.first().waitFor();
  await agent.keyboard.press('g');
  await agent.keyboard.press('f');
  assert.ok(!(await agent.locator('#filter').isVisible()));
  await agent.keyboard.press('f');
  await agent.locator('#filter').waitFor();
  await agent.done();
});

test('without scripts the same is found on a page of its own', async () => {
  const signed = await agentWindow(house);
  const state = await signed.context().storageState();
  await signed.done();
  const agent = await window({ javaScriptEnabled: false, storageState: state, viewport: { width: 390, height: 844 } });
  await agent.goto(`${house.url}/inbox`);
  await agent.getByRole('link', { name: 'Search' }).click();
  await agent.getByRole('searchbox').fill('teapot');
  await agent.getByRole('button', { name: 'Find' }).click();
  await agent.getByText('2 results').waitFor();
  await shot(agent, 'find-no-script-390');
  await agent.getByRole('link', { name: /blue teapot/ }).click();
  await agent.getByRole('log', { name: 'Messages' }).getByText('a blue teapot').waitFor();
  await agent.done();
});
