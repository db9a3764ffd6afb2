// The widget on pages of strangers: weight, privacy, strict policies, manners.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { gunzipSync, brotliDecompressSync } from 'node:zlib';
import { get } from 'node:http';
import { accessible, agentWindow, closeBrowser, openChat, openHouse, openShop, says, settings, shot, window } from './support.mjs';

const LOADER = 2048;
const EVERYTHING = 10240;

let house;
before(async () => { house = await openHouse(); });
after(async () => { await closeBrowser(); await house.close(); });

const tag = (more = '') => `<script async src="${house.url}/w.js" data-site="${house.site}" ${more}></script>`;

/** The bytes of an answer as they cross the wire, and what they unpack to. */
function fetched(path) {
  return new Promise((resolve, reject) => {
    get(house.url + path, { headers: { 'accept-encoding': 'br', host: new URL(house.url).host } }, (answer) => {
      const chunks = [];
      answer.on('data', (chunk) => chunks.push(chunk));
      answer.on('end', () => {
        const wire = Buffer.concat(chunks);
        const coding = answer.headers['content-encoding'];
        const text = (coding === 'br' ? brotliDecompressSync(wire) : coding === 'gzip' ? gunzipSync(wire) : wire).toString();
        assert.equal(answer.statusCode, 200, path);
        resolve({ size: wire.length, text, headers: answer.headers });
      });
    }).on('error', reject);
  });
}

for (const lang of ['en', 'fr', 'tr', 'ru']) test(`the loader and everything up to the first message stay within their weight, in ${lang}`, async (t) => {
  const loader = await fetched('/w.js');
  assert.ok(loader.size <= LOADER, `the loader weighs ${loader.size} bytes`);
  const shop = await openShop({ body: tag(`data-locale="${lang}" data-label="Chat"`) });
  const page = await window();
  const asked = new Set();
  page.on('request', (request) => { if (request.url().startsWith(house.url)) asked.add(request.url().slice(house.url.length)); });
  await page.goto(shop.url);
  await openChat(page);
  let total = 0;
  for (const path of asked) total += (await fetched(path)).size;
  t.diagnostic(`loader ${loader.size} bytes, everything ${total} bytes in ${asked.size} requests, brotli`);
  assert.ok(total <= EVERYTHING, `everything weighs ${total} bytes: ${[...asked].join(' ')}`);
  assert.match((await fetched([...asked].find((it) => it.startsWith('/assets/')))).headers['cache-control'], /immutable/);
  await page.done();
  await shop.close();
});

test('the loader stays within its weight whatever the settings give it to carry', async (t) => {
  const change = (lang, side, foot) => settings(house, async (agent) => {
    await agent.locator('#lang').selectOption(lang);
    await agent.locator(`[name=position][value=${side}]`).check({ force: true });
    await agent.locator('#foot').fill(foot);
  });
  for (const lang of ['fr', 'tr', 'ru']) {
    await change(lang, 'start', '137');
    const loader = await fetched('/w.js');
    assert.match(loader.text, /137/);
    t.diagnostic(`${lang}: ${loader.size} bytes`);
    assert.ok(loader.size <= LOADER, `the loader weighs ${loader.size} bytes, ${lang}`);
  }
  await change('en', 'end', '20');
});

test('before the click there is one request, nothing stored, no cookie, no socket, no shift', async () => {
  const shop = await openShop({ body: `<h1>Mugs</h1>${tag()}` });
  const page = await window();
  const asked = [];
  let sockets = 0;
  page.on('request', (request) => { if (!request.url().startsWith(shop.url)) asked.push(request.url()); });
  page.on('websocket', () => { sockets += 1; });
  await page.goto(shop.url);
  await page.getByRole('button', { name: /^Chat/ }).waitFor();
  await page.getByRole('button', { name: /^Chat/ }).hover();
  await page.waitForLoadState('networkidle');
  assert.deepEqual(asked, [`${house.url}/w.js`]);
  assert.equal(sockets, 0);
  assert.deepEqual(await page.context().cookies(), []);
  assert.equal(await page.evaluate(() => localStorage.length + sessionStorage.length), 0);
  const shift = await page.evaluate(() => new Promise((resolve) => {
    let sum = 0;
    new PerformanceObserver((list) => { for (const it of list.getEntries()) sum += it.value; }).observe({ type: 'layout-shift', buffered: true });
    requestAnimationFrame(() => requestAnimationFrame(() => resolve(sum)));
  }));
  assert.equal(shift, 0);
  await page.done();
  await shop.close();
});

test('who has written before gets his chat with the page: settings and history, files out of the cache, and a socket while it goes on', async () => {
  const shop = await openShop({ body: `<h1>Mugs</h1>${tag()}` });
  const page = await window();
  await page.goto(shop.url);
  await openChat(page);
  await says(page, 'see you on the next page');
  await page.getByRole('log', { name: 'Conversation' }).getByRole('img', { name: 'Sent' }).waitFor();
  const asked = [];
  page.on('request', (it) => { if (it.url().startsWith(house.url)) asked.push(new URL(it.url()).pathname); });
  // What the page before still asked for is not counted.
  page.once('framenavigated', () => { asked.length = 0; });
  await page.goto(`${shop.url}/next`, { waitUntil: 'commit' });
  await page.waitForEvent('websocket');
  const files = asked.filter((it) => it.startsWith('/assets/'));
  assert.deepEqual(asked.filter((it) => !it.startsWith('/assets/')).sort(), ['/w.js', '/w/v1/history', `/w/v1/sites/${house.site}`].sort());
  // An entry is made a moment after its answer.
  await page.waitForFunction((count) => performance.getEntriesByType('resource').filter((it) => it.name.includes('/assets/')).length >= count, files.length);
  const sizes = await page.evaluate(() => performance.getEntriesByType('resource').filter((it) => it.name.includes('/assets/')).map((it) => it.transferSize));
  assert.deepEqual(sizes.filter((it) => it), [], 'the files came from the cache');
  await page.done();
  await shop.close();
});

for (const [name, script] of [['a host list', () => `script-src ${house.url}`], ['a nonce', () => "script-src 'nonce-r4nd0m'"]]) {
  test(`the chat works on another origin under a strict policy with ${name} and Trusted Types`, async () => {
    const socket = house.url.replace('http', 'ws');
    const policy = `default-src 'none'; ${script()}; connect-src ${house.url} ${socket}; require-trusted-types-for 'script'; trusted-types 'none'`;
    const shop = await openShop({ policy, body: tag('nonce="r4nd0m"') });
    const page = await window();
    await page.goto(shop.url);
    await openChat(page);
    await says(page, `hello under ${name}`);
    const agent = await agentWindow(house);
    await agent.getByRole('link', { name: new RegExp(`hello under ${name}`) }).click();
    await agent.getByRole('button', { name: 'Join conversation' }).click();
    await page.getByText('Ada joined the chat').waitFor();
    await agent.done();
    await page.done();
    await shop.close();
  });
}

test('Escape closes and gives the focus back, and the hotkeys of the shop stay quiet', async () => {
  const shop = await openShop({
    head: '<script>window.pressed = []; addEventListener("keydown", (event) => pressed.push(event.key));</script>',
    body: tag(),
  });
  const page = await window();
  await page.goto(shop.url);
  await page.getByRole('button', { name: /^Chat/ }).press('Enter');
  const box = page.getByRole('textbox', { name: 'Message' });
  await box.waitFor();
  await page.waitForFunction(() => document.activeElement?.shadowRoot?.activeElement?.tagName === 'TEXTAREA');
  await page.evaluate(() => { window.pressed.length = 0; });
  await page.keyboard.type('/search');
  assert.equal(await box.inputValue(), '/search');
  assert.deepEqual(await page.evaluate(() => window.pressed), []);
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'hidden' });
  const focused = await page.evaluate(() => document.activeElement?.shadowRoot?.activeElement?.getAttribute('aria-expanded'));
  assert.equal(focused, 'false', 'the launcher has the focus');
  await page.done();
  await shop.close();
});

test('mounted twice, or kept across a swap of the body, it is one widget', async () => {
  const shop = await openShop({ body: tag() + tag() });
  const page = await window();
  await page.goto(shop.url);
  await page.getByRole('button', { name: /^Chat/ }).waitFor();
  assert.equal(await page.getByRole('button', { name: /^Chat/ }).count(), 1);
  await openChat(page);
  await says(page, 'before the swap');
  await page.getByText('before the swap').waitFor();
  await page.evaluate(([src, site]) => {
    const body = document.createElement('body');
    const script = document.createElement('script');
    script.src = src;
    script.dataset.site = site;
    body.append(document.createElement('main'), script);
    document.documentElement.replaceChild(body, document.body);
  }, [`${house.url}/w.js`, house.site]);
  await page.getByText('before the swap').waitFor();
  await page.waitForLoadState('networkidle');
  assert.equal(await page.getByRole('button', { name: /^Chat|^Close chat/ }).count() >= 1, true);
  assert.equal(await page.getByRole('dialog').count(), 1);
  await page.done();
  await shop.close();
});

test('verbs may be called before the script has loaded, and events tell what happens', async () => {
  const stub = 'window.shopbell=window.shopbell||function(){(shopbell.q=shopbell.q||[]).push(arguments)};';
  const listen = 'window.heard=[];for(const name of ["ready","open","close","sent","started","message","unread"]){shopbell("on",name,()=>heard.push(name))}shopbell("open","prefilled");';
  const shop = await openShop({ head: `<script>${stub}${listen}</script>`, body: tag() });
  const page = await window();
  await page.goto(shop.url);
  const box = page.getByRole('textbox', { name: 'Message' });
  await box.waitFor();
  await page.waitForFunction(() => window.heard.includes('open'));
  assert.equal(await box.inputValue(), 'prefilled');
  await page.getByRole('button', { name: 'Send', exact: true }).click();
  await page.waitForFunction(() => window.heard.includes('sent') && window.heard.includes('started'));
  await page.evaluate(() => window.shopbell('close'));
  await page.waitForFunction(() => window.heard.includes('close'));
  assert.equal(await page.evaluate(() => window.shopbell('get', 'state').then((it) => typeof it)), 'string');
  await page.evaluate(() => window.shopbell('hide'));
  assert.equal(await page.getByRole('button', { name: /^Chat/ }).count(), 0);
  await page.evaluate(() => window.shopbell('show'));
  await page.getByRole('button', { name: /^Chat/ }).waitFor();
  await page.evaluate(() => window.shopbell('destroy'));
  assert.equal(await page.getByRole('button', { name: /^Chat/ }).count(), 0);
  await page.done();
  await shop.close();
});

for (const side of ['end', 'start']) test(`on a phone the chat fills the screen and every control is large enough, launcher at the ${side}`, async () => {
  const shop = await openShop({ head: '<meta name="viewport" content="width=device-width">', body: tag(` data-position="${side}"`) });
  const page = await window({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
  await page.goto(shop.url);
  await openChat(page);
  const box = await page.getByRole('dialog').boundingBox();
  assert.ok(box.x === 0 && box.width >= 389 && box.height >= 840, JSON.stringify(box));
  for (const button of await page.getByRole('dialog').getByRole('button').all()) {
    const { width, height } = await button.boundingBox();
    assert.ok(Math.round(width) >= 44 && Math.round(height) >= 44, `${await button.getAttribute('aria-label')} is ${width} by ${height}`);
  }
  await shot(page, 'widget-phone');
  await page.done();
  await shop.close();
});

test('the script of the first release, kept by a cache, opens the chat of today', async () => {
  // As that release sent it: with the address its own panel had, of which nothing is left.
  const first = readFileSync(new URL('./fixtures/first-loader.js', import.meta.url), 'utf8');
  const kept = first.replace('__WIDGET_URL__', '/assets/widget/panel.0123456789abcdef.js');
  const shop = await openShop({ body: `<h1>Mugs</h1>${tag('data-label="Chat" data-color="#ffd400"')}` });
  const page = await window();
  let asked = 0;
  await page.route(`${house.url}/w.js`, (route) => {
    asked += 1;
    return route.fulfill({ contentType: 'text/javascript; charset=utf-8', body: kept });
  });
  const failures = [];
  page.on('pageerror', (error) => failures.push(error.message));
  await page.goto(shop.url);
  await openChat(page);
  await says(page, 'hello from an old page');
  const log = page.getByRole('log', { name: 'Conversation' });
  await log.getByRole('img', { name: 'Sent' }).waitFor();
  const agent = await agentWindow(house);
  await agent.getByRole('link', { name: /hello from an old page/ }).click();
  await agent.getByRole('button', { name: 'Join conversation' }).click();
  await agent.getByRole('textbox', { name: 'Message' }).fill('You are welcome');
  await agent.getByRole('button', { name: 'Send', exact: true }).click();
  await log.getByText('You are welcome').waitFor();
  // What it fetches late is found as well.
  await page.getByRole('button', { name: 'More' }).click();
  await page.getByRole('menu').waitFor();
  assert.equal(asked, 1, 'it was the old script');
  assert.equal(await page.evaluate(() => document.querySelectorAll('#shopbell-chat').length), 1);
  assert.deepEqual(failures, []);
  await agent.done();
  await page.done();
  await shop.close();
});

test('on a page that may keep nothing, messages are sent all the same', async () => {
  const shop = await openShop({ body: tag() });
  const page = await window();
  await page.addInitScript(() => {
    const refuse = () => { throw new DOMException('no', 'SecurityError'); };
    Object.defineProperty(globalThis, 'localStorage', { get: refuse });
    globalThis.BroadcastChannel = class { constructor() { refuse(); } };
    navigator.locks.request = () => Promise.reject(new DOMException('no', 'SecurityError'));
  });
  await page.goto(shop.url);
  await openChat(page);
  await says(page, 'kept nowhere');
  const log = page.getByRole('log', { name: 'Conversation' });
  await log.getByRole('img', { name: 'Sent' }).waitFor();
  assert.equal(await log.getByText('kept nowhere').count(), 1);
  await page.done();
  await shop.close();
});

test('the widget has no accessibility violation, closed and open, light and dark, right to left', async () => {
  for (const [scheme, dir] of [['light', 'ltr'], ['dark', 'ltr'], ['dark', 'rtl']]) {
    const shop = await openShop({ body: `<main><h1>Mugs</h1></main>${tag()}` });
    const page = await window({ colorScheme: scheme });
    await page.goto(shop.url);
    await page.evaluate((it) => { document.documentElement.dir = it; }, dir);
    await page.getByRole('button', { name: /^Chat/ }).waitFor();
    await accessible(page, `closed, ${scheme}, ${dir}`);
    await openChat(page);
    await accessible(page, `open, ${scheme}, ${dir}`);
    await says(page, 'مرحبا, hello');
    await page.getByText('مرحبا, hello').waitFor();
    await page.getByRole('button', { name: 'More' }).click();
    await accessible(page, `menu, ${scheme}, ${dir}`);
    await shot(page, `widget-${scheme}-${dir}`);
    await page.done();
    await shop.close();
  }
});
