// The bell on the counter: whether it says what is true. Who listens is the
// browser itself: each tone that starts is counted where it starts.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { agentWindow, openHouse, stranger, window } from './support.mjs';

let house;
before(async () => { house = await openHouse({ args: ['--trusted-proxies', '127.0.0.1', '--visitor-rate', '100000'] }); });
after(async () => { await house.close(); });

/** Somebody new. */
const somebodyWrites = async () => (await stranger(house)).writes('Anybody there?');

/** Counts what is really played: tones of a context that runs. */
const ear = () => {
  Object.assign(globalThis, { tones: 0 });
  const start = OscillatorNode.prototype.start;
  OscillatorNode.prototype.start = function counted(...when) {
    if (this.context.state === 'running') globalThis.tones += 1;
    return start.apply(this, when);
  };
};

const button = (page) => page.locator('[data-switch="sound"]');
const looks = (page, it) => page.waitForFunction((it) => {
  const shown = document.querySelector('[data-switch="sound"]');
  const now = shown.ariaPressed === 'false' ? 'off' : shown.hasAttribute('data-blocked') ? 'blocked' : 'on';
  return now === it;
}, it);

/** Somebody writes, and two tones are heard. */
async function rings(page, what) {
  const before = await page.evaluate(() => globalThis.tones);
  await somebodyWrites();
  await page.waitForFunction((before) => globalThis.tones === before + 2, before).catch((error) => assert.fail(`${what}: ${error}`));
}

/** Somebody writes, it is on the page, and nothing was heard. */
async function isSilent(page) {
  const conversation = await somebodyWrites();
  await page.locator(`#c-${conversation}`).waitFor({ state: 'attached' });
  await page.evaluate(() => new Promise((done) => { requestAnimationFrame(() => setTimeout(done)); }));
  assert.equal(await page.evaluate(() => globalThis.tones), 0);
}

test('it rings after signing in and after opening a chat, as its icon says', async () => {
  const page = await window();
  await page.addInitScript(ear);
  await page.goto(`${house.url}/login`);
  await page.locator('#email').fill('ada@mugs.example');
  await page.locator('#password').fill('correct horse battery');
  await page.locator('form button').first().click();
  await page.waitForURL(/\/inbox/);
  await looks(page, 'on');
  await rings(page, 'after signing in');
  await page.locator('.row a').first().click();
  await page.getByRole('button', { name: 'Join conversation' }).waitFor();
  await looks(page, 'on');
  await rings(page, 'after opening a chat');
  await page.done();
});

test('where the browser blocks it the page says so, and one click on it lets it ring', async () => {
  const page = await agentWindow(house);
  await page.context().addInitScript(ear);
  // Nobody has touched this one: it came by itself.
  const fresh = await page.context().newPage();
  await fresh.goto(`${house.url}/inbox`);
  await looks(fresh, 'blocked');
  assert.match(await button(fresh).getAttribute('aria-label'), /blocked/);
  await fresh.locator('.toast').getByText(/silent/).waitFor();
  await isSilent(fresh);
  await button(fresh).click();
  await looks(fresh, 'on');
  assert.equal(await button(fresh).getAttribute('aria-label'), 'Sound');
  // It sounds once for the click, so that one hears that it does.
  await fresh.waitForFunction(() => globalThis.tones === 2);
  await fresh.locator('.toast').waitFor({ state: 'detached' });
  await page.close();
  await rings(fresh, 'once it is free');
  await fresh.context().close();
});

test('after a reload it says that it is blocked, and any touch of the page frees it', async () => {
  const page = await agentWindow(house);
  await page.addInitScript(ear);
  await page.reload();
  await looks(page, 'blocked');
  await isSilent(page);
  await page.locator('main').click({ position: { x: 700, y: 400 } });
  await looks(page, 'on');
  await rings(page, 'after a reload');
  await page.done();
});

test('switched off it is silent, says so after a reload, and rings again when it is switched on', async () => {
  const page = await agentWindow(house);
  await page.addInitScript(ear);
  await looks(page, 'on');
  await button(page).click();
  await looks(page, 'off');
  await page.reload();
  await looks(page, 'off');
  await isSilent(page);
  await button(page).click();
  await looks(page, 'on');
  await rings(page, 'switched on again');
  await page.done();
});
