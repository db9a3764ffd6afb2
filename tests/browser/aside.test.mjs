// What a shop has fixed to the foot of its page stays in reach: the button steps aside.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { closeBrowser, openChat, openHouse, openShop, root, settings, shot, window } from './support.mjs';

let house;
before(async () => { house = await openHouse(); });
after(async () => { await closeBrowser(); await house.close(); });

const tag = (more = '') => `<script async src="${house.url}/w.js" data-site="${house.site}" ${more}></script>`;
const library = (path) => readFileSync(join(root, 'tests/browser/node_modules/vanilla-cookieconsent/dist', path), 'utf8');
const launcher = (page) => page.getByRole('button', { name: /^Chat/ });
const tall = '<meta name="viewport" content="width=device-width">';
const screens = { phone: { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true }, desk: { viewport: { width: 1280, height: 800 } } };

/** Where the button stands, once it has stood there for a while. */
async function standing(page) {
  await launcher(page).waitFor();
  return page.evaluate(async () => {
    const button = document.querySelector('#shopbell-chat').shadowRoot.querySelector('#launcher');
    for (let before; ;) {
      const { left, right, top, bottom } = button.getBoundingClientRect();
      const now = JSON.stringify({ left, right, top, bottom });
      if (now === before) return { left, right, top, bottom };
      before = now;
      await new Promise((done) => { setTimeout(done, 1500); });
    }
  });
}

/** Until the button is where it should be; a page has its time to notice. */
async function stands(page, where, what) {
  const { low, high } = where;
  await page.waitForFunction(([least, most]) => {
    const { bottom } = document.querySelector('#shopbell-chat').shadowRoot.querySelector('#launcher').getBoundingClientRect();
    return bottom >= least && bottom <= most;
  }, [low, high]).catch(async () => assert.fail(`${what}: ${JSON.stringify(await standing(page))}, not ${low} to ${high}`));
}

for (const [screen, options] of Object.entries(screens)) test(`every button of a cookie bar can be pressed while the chat's button is there, and then it comes down, on a ${screen}`, async () => {
  const shop = await openShop({
    head: `${tall}<style>${library('cookieconsent.css')}</style><script>${library('cookieconsent.umd.js')}</script>`,
    body: `<h1>Mugs</h1><div style="height:3000px"></div>${tag()}`,
  });
  const page = await window(options);
  await page.goto(shop.url);
  const { height } = options.viewport;
  await stands(page, { low: height - 21, high: height - 19 }, 'at the foot');
  await page.evaluate(() => globalThis.CookieConsent.run({
    // Else it hides from a browser that a program drives.
    hideFromBots: false,
    guiOptions: { consentModal: { layout: 'bar', position: 'bottom' } },
    categories: { necessary: { enabled: true, readOnly: true }, analytics: {} },
    language: { default: 'en', translations: { en: {
      consentModal: { title: 'We bake cookies', description: 'Some of them are counted.', acceptAllBtn: 'Accept all', acceptNecessaryBtn: 'Reject all', showPreferencesBtn: 'Manage' },
      preferencesModal: { title: 'Cookies', sections: [] },
    } } },
  }));
  const bar = page.locator('#cc-main .cm');
  await bar.waitFor();
  const { y } = await bar.boundingBox();
  await stands(page, { low: height / 3, high: y }, 'above the bar');
  await shot(page, `aside-${screen}`);
  for (const name of ['Manage', 'Reject all', 'Accept all']) await page.getByRole('button', { name }).click({ trial: true });
  await page.getByRole('button', { name: 'Accept all' }).click();
  await stands(page, { low: height - 21, high: height - 19 }, 'at the foot again');
  await page.done();
  await shop.close();
});

for (const [screen, options] of Object.entries(screens)) test(`a button to pay, a bar above it, and one in a shadow stay free, at either side, on a ${screen}`, async () => {
  for (const side of ['end', 'start']) {
    const shop = await openShop({
      head: `${tall}<style>body{margin:0}#pay{position:fixed;inset:auto 8px 8px;height:48px}#bar{position:sticky;bottom:64px;background:#eee}</style>`,
      body: `<div style="height:2000px"></div><p id="bar"><button>Show the cart</button></p><button id="pay">Pay</button><div id="shade"></div>
        <script>document.querySelector('#shade').attachShadow({ mode: 'open' }).innerHTML = '<style>p{position:fixed;inset:auto 0 140px;margin:0;background:#ccc}</style><p><button>Allow</button></p>'</script>
        ${tag(`data-position="${side}"`)}`,
    });
    const page = await window(options);
    await page.goto(shop.url);
    const { top } = await page.locator('#shade p').evaluate((it) => it.getBoundingClientRect());
    await stands(page, { low: options.viewport.height / 3, high: top }, `above all three, ${side}`);
    for (const name of ['Pay', 'Show the cart', 'Allow']) await page.getByRole('button', { name, exact: true }).click({ trial: true });
    // The chat, where it does not fill the screen, stays above them too.
    await openChat(page);
    if (screen === 'desk') {
      const panel = await page.getByRole('dialog').boundingBox();
      assert.ok(panel.y >= 0 && panel.y + panel.height <= top, JSON.stringify(panel));
    }
    await page.done();
    await shop.close();
  }
});

test('the button stays at the foot where nothing is fixed there: over text, a column that is as high as the window, a shade, a dialog', async () => {
  const shop = await openShop({
    head: '<style>aside{position:sticky;top:80px;height:2000px}nav{position:fixed;inset:0 0 0 auto;width:300px}#shade{position:fixed;inset:0;pointer-events:none}footer{position:fixed;inset:auto 0 0;height:200px;z-index:-1}main{background:#fff}</style>',
    body: `<main><aside>${'<p>Filter <a href="#">by colour</a></p>'.repeat(60)}</aside></main><nav></nav><div id="shade"></div><dialog>Yes?</dialog>${tag()}`,
  });
  const page = await window();
  await page.goto(shop.url);
  for (const more of [() => document.querySelector('nav').remove(), () => document.querySelector('dialog').showModal()]) {
    assert.equal(Math.round((await standing(page)).bottom), 780);
    await page.evaluate(more);
  }
  assert.equal(Math.round((await standing(page)).bottom), 780);
  await page.done();
  await shop.close();
});

test('the settings lift the button, and the page’s own line goes before them', async () => {
  await settings(house, (agent) => agent.locator('#foot').fill('90'));
  for (const [more, bottom] of [['', 710], ['data-offset="140"', 660]]) {
    const shop = await openShop({ body: `<h1>Mugs</h1>${tag(more)}` });
    const page = await window();
    await page.goto(shop.url);
    assert.equal(Math.round((await standing(page)).bottom), bottom);
    await openChat(page);
    const panel = await page.getByRole('dialog').boundingBox();
    assert.ok(panel.y >= 0 && panel.y + panel.height <= bottom, JSON.stringify(panel));
    await page.done();
    await shop.close();
  }
});
