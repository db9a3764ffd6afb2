// Pages of shops with layers, movements, lists and languages of their own.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { closeBrowser, openChat, openHouse, openShop, root, settings, window } from './support.mjs';

let house;
before(async () => { house = await openHouse(); });
after(async () => { await closeBrowser(); await house.close(); });

const tag = (more = '') => `<script async src="${house.url}/w.js" data-site="${house.site}" ${more}></script>`;
const library = (path) => readFileSync(join(root, 'tests/browser/node_modules', path), 'utf8');
const launcher = (page) => page.getByRole('button', { name: /^Chat/ });

test('a page whose body is moved by a transform has the button and the chat in its window', async () => {
  const shop = await openShop({
    head: '<meta name="viewport" content="width=device-width"><style>html{filter:none}body{transform:translateZ(0);min-height:3000px;margin:0;filter:blur(0)}</style>',
    body: `<h1>Shop</h1>${tag()}`,
  });
  const page = await window({ viewport: { width: 1000, height: 700 } });
  await page.goto(shop.url);
  await launcher(page).waitFor();
  const button = await launcher(page).boundingBox();
  assert.ok(button.y + button.height <= 700 && button.y > 600, JSON.stringify(button));
  assert.ok(button.x + button.width <= 1000 && button.x > 900, JSON.stringify(button));
  await openChat(page);
  const panel = await page.getByRole('dialog').boundingBox();
  assert.ok(panel.y >= 0 && panel.y + panel.height <= 700, JSON.stringify(panel));
  await page.done();
  await shop.close();
});

test('the button lies above what the shop lays over its page, and below a dialog that the shop opens', async () => {
  const shop = await openShop({
    head: '<style>#over{position:fixed;inset:0;z-index:2147483647;background:#fff}</style>',
    body: `<div id="over"></div><dialog id="asked"><button>Yes</button></dialog>${tag()}`,
  });
  const page = await window();
  await page.goto(shop.url);
  await launcher(page).waitFor();
  const { x, y, width, height } = await launcher(page).boundingBox();
  const atButton = () => page.evaluate(([left, top]) => document.elementFromPoint(left, top)?.id, [x + width / 2, y + height / 2]);
  assert.equal(await atButton(), 'shopbell-chat');
  await page.evaluate(() => document.querySelector('#asked').showModal());
  assert.equal(await atButton(), 'asked', 'the dialog and what dims the page lie above');
  await page.evaluate(() => document.querySelector('#asked').close());
  await launcher(page).click();
  await page.getByRole('textbox', { name: 'Message' }).waitFor();
  await page.done();
  await shop.close();
});

for (const side of ['end', 'start']) test(`an offset lifts the button and the chat above a bar of the shop, at the ${side}`, async () => {
  const shop = await openShop({
    head: '<style>#pay{position:fixed;inset:auto 0 0 0;height:72px}</style>',
    body: `<button id="pay" onclick="window.paid = true">Pay</button>${tag(`data-offset="90" data-position="${side}"`)}`,
  });
  const page = await window({ viewport: { width: 1000, height: 700 } });
  await page.goto(shop.url);
  await launcher(page).waitFor();
  const button = await launcher(page).boundingBox();
  assert.equal(Math.round(button.y + button.height), 610);
  await openChat(page);
  const panel = await page.getByRole('dialog').boundingBox();
  assert.ok(panel.y >= 0 && panel.y + panel.height <= 700 - 90, JSON.stringify(panel));
  await page.done();
  await shop.close();
});

const TRAPS = {
  'a Bootstrap modal': {
    head: () => `<style>${library('bootstrap/dist/css/bootstrap.min.css')}</style><script>${library('bootstrap/dist/js/bootstrap.bundle.min.js')}</script>`,
    body: '<div class="modal" id="trap" tabindex="-1"><div class="modal-dialog"><div class="modal-content"><input id="theirs" aria-label="Voucher"></div></div></div>',
    spring: () => new Promise((done) => {
      const modal = document.querySelector('#trap');
      modal.addEventListener('shown.bs.modal', () => { document.querySelector('#theirs').focus(); done(); });
      new globalThis.bootstrap.Modal(modal).show();
    }),
  },
  'a focus trap': {
    head: () => `<script>${library('tabbable/dist/index.umd.min.js')}</script><script>${library('focus-trap/dist/focus-trap.umd.min.js')}</script>`,
    body: '<div id="trap"><input id="theirs" aria-label="Voucher"><button>Close</button></div>',
    spring: () => { globalThis.focusTrap.createFocusTrap('#trap', { allowOutsideClick: true, delayInitialFocus: false }).activate(); },
  },
};

for (const [name, trap] of Object.entries(TRAPS)) test(`what is typed into the chat lands in the chat while ${name} of the shop is open`, async () => {
  const shop = await openShop({ head: trap.head(), body: `<h1>Mugs</h1>${trap.body}${tag()}` });
  const page = await window();
  await page.goto(shop.url);
  await launcher(page).waitFor();
  await page.evaluate(trap.spring);
  await page.waitForFunction(() => document.activeElement?.id === 'theirs');
  await launcher(page).click();
  const box = page.getByRole('textbox', { name: 'Message' });
  await box.click();
  await page.keyboard.type('hello');
  assert.equal(await box.inputValue(), 'hello');
  assert.equal(await page.locator('#theirs').inputValue(), '');
  await page.keyboard.press('Tab');
  const within = await page.evaluate(() => document.activeElement?.id);
  assert.equal(within, 'shopbell-chat', 'Tab goes on inside the chat');
  await page.keyboard.press('Escape');
  await page.getByRole('dialog', { name: 'Mugs & More' }).waitFor({ state: 'hidden' });
  assert.ok(await page.locator('#theirs').isVisible(), 'what the shop has open stays open');
  await page.done();
  await shop.close();
});

test('a page that is not on the list of the shop shows no button, and one that is shows it with one request', async () => {
  const [listed, other] = [await openShop({ body: tag() }), await openShop({ body: tag() })];
  await settings(house, (agent) => agent.locator('#origins').fill(listed.url));
  for (const [shop, count] of [[listed, 1], [other, 0], [{ url: `${house.url}/demo-shop` }, 1]]) {
    const page = await window();
    const asked = [];
    page.on('request', (it) => { if (it.url().startsWith(house.url) && it.resourceType() === 'script') asked.push(new URL(it.url()).pathname); });
    await page.goto(shop.url);
    await page.waitForLoadState('networkidle');
    await page.waitForFunction(() => globalThis.shopbell?.loaded);
    assert.equal(await launcher(page).count(), count, shop.url);
    if (shop === other) {
      await page.evaluate(() => globalThis.shopbell('open'));
      assert.equal(await page.getByRole('dialog').count(), 0);
      assert.deepEqual(asked, ['/w.js']);
    }
    await page.done();
  }
  await settings(house, (agent) => agent.locator('#origins').fill(''));
  await listed.close();
  await other.close();
});

test('a button that was kept from before the list of addresses takes itself away when it is refused', async () => {
  const [listed, other] = [await openShop({ body: tag() }), await openShop({ body: tag() })];
  const page = await window();
  await page.goto(other.url);
  await launcher(page).waitFor();
  await settings(house, (agent) => agent.locator('#origins').fill(listed.url));
  await launcher(page).click();
  await launcher(page).waitFor({ state: 'hidden' });
  assert.equal(await page.getByRole('dialog').count(), 0);
  await settings(house, (agent) => agent.locator('#origins').fill(''));
  await page.done();
  await listed.close();
  await other.close();
});

test('the button has the look of the settings before the click, keeps it, and the page’s own words win', async () => {
  await settings(house, async (agent) => {
    await agent.locator('#color').fill('#7a1fa2');
    await agent.locator('[name=position][value=start]').check({ force: true });
  });
  const look = (page) => launcher(page).evaluate((it) => [getComputedStyle(it).color, it.getBoundingClientRect().left < 500]);
  const [plain, own] = [await openShop({ body: tag() }), await openShop({ body: tag('data-color="#00695c" data-position="end"') })];
  for (const [shop, expected] of [[plain, ['rgb(122, 31, 162)', true]], [own, ['rgb(0, 105, 92)', false]]]) {
    const page = await window();
    await page.goto(shop.url);
    await launcher(page).waitFor();
    assert.deepEqual(await look(page), expected);
    await openChat(page);
    await page.keyboard.press('Escape');
    assert.deepEqual(await look(page), expected, 'the same after the click');
    await page.done();
  }
  await settings(house, async (agent) => {
    await agent.locator('#color').fill('#0f6b5c');
    await agent.locator('[name=position][value=end]').check({ force: true });
  });
  await plain.close();
  await own.close();
});

test('whoever speaks none of our languages gets that of the shop: on the button, in the chat, on the page of its own', async () => {
  await settings(house, (agent) => agent.locator('#lang').selectOption('tr'));
  for (const [lang, button, box] of [['eo', 'Bize yazın', 'Mesaj'], ['fr', 'Discutez avec nous', 'Message']]) {
    const shop = await openShop({ lang, body: `<h1>Mugs</h1>${tag()}` });
    const page = await window({ locale: lang });
    await page.goto(shop.url);
    await page.getByRole('button', { name: button }).click();
    await page.getByRole('textbox', { name: box, exact: true }).waitFor();
    await page.goto(`${house.url}/c/${house.site}`);
    assert.equal(await page.locator('html').getAttribute('lang'), lang === 'eo' ? 'tr' : 'fr');
    await page.getByRole('textbox', { name: box, exact: true }).waitFor();
    await page.done();
    await shop.close();
  }
  await settings(house, (agent) => agent.locator('#lang').selectOption('en'));
});

test('a chat that cannot be loaded says so in the language of the page, else in that of the shop', async () => {
  await settings(house, (agent) => agent.locator('#lang').selectOption('tr'));
  for (const [lang, more, button, down] of [
    ['eo', '', 'Bize yazın', 'Sohbet kullanılamıyor'],
    ['fr-CA', '', 'Discutez avec nous', 'Le chat est indisponible'],
    ['en', 'data-locale="ru"', 'Напишите нам', 'Чат недоступен'],
    ['en', '', 'Chat with us', 'Chat is unavailable now'],
  ]) {
    const shop = await openShop({ lang, body: `<h1>Mugs</h1>${tag(more)}` });
    const page = await window();
    await page.route('**/assets/widget/panel.*', (route) => route.abort());
    await page.goto(shop.url);
    await page.getByRole('button', { name: button, exact: true }).click();
    await page.getByRole('button', { name: down, exact: true }).getByText(down).waitFor();
    await page.done();
    await shop.close();
  }
  await settings(house, (agent) => agent.locator('#lang').selectOption('en'));
});
