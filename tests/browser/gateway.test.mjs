// What stands between the shop and a browser speaks for itself while the shop is
// away, and refuses what it does not like. Nothing that was written may end there.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { OWNER, PASSWORD, agentWindow, closeBrowser, openChat, openHouse, openShop, says, window } from './support.mjs';

let house;
let shop;
before(async () => {
  house = await openHouse();
  shop = await openShop({ body: `<h1>Mugs</h1><script async src="${house.url}/w.js" data-site="${house.site}"></script>` });
});
after(async () => { await closeBrowser(); await shop.close(); await house.close(); });

const PAGE = { contentType: 'text/html', body: '<h1>A page of the gateway</h1>' };
/** What a gateway says while the shop behind it is away. */
const AWAY = [
  ...[408, 425, 429, 500, 502, 503, 504, 404, 200].map((status) => ({ status, ...PAGE })),
  { status: 500, contentType: 'application/problem+json', body: '{"detail":"Out of order."}' },
];

async function talking(text) {
  const visitor = await window();
  await visitor.goto(shop.url);
  await openChat(visitor);
  await says(visitor, text);
  const there = visitor.getByRole('log', { name: 'Conversation' });
  await there.getByRole('img', { name: 'Sent' }).first().waitFor();
  const agent = await agentWindow(house);
  await agent.getByRole('link', { name: new RegExp(text) }).click();
  await agent.getByRole('button', { name: 'Join conversation' }).click();
  await there.getByText('Ada joined the chat').waitFor();
  return { visitor, agent, there, here: agent.getByRole('log', { name: 'Messages' }) };
}

async function answers(agent, text) {
  await agent.getByRole('textbox', { name: 'Message' }).fill(text);
  await agent.getByRole('button', { name: 'Send', exact: true }).click();
}

test('whatever a gateway says while the shop is away, an answer goes out by itself afterwards', async () => {
  const { visitor, agent, there, here } = await talking('through the gateway?');
  for (const [number, away] of AWAY.entries()) {
    let tries = 0;
    await agent.route('**/messages', (route) => {
      tries += 1;
      return tries === 1 ? route.fulfill(away) : route.continue();
    });
    const text = `answer number ${number}, after a ${away.status}`;
    await answers(agent, text);
    await there.getByText(text).waitFor({ timeout: 30000 });
    assert.equal(await here.getByText(text, { exact: true }).count(), 1);
    assert.ok(tries >= 2, `a ${away.status} was there`);
    await agent.unroute('**/messages');
  }
  await here.getByRole('button', { name: /again/i }).first().waitFor({ state: 'detached' });
  await visitor.done();
  await agent.done();
});

test('an answer that a gateway refuses says so, and holds up none of the others', async () => {
  const { visitor, agent, there, here } = await talking('something large?');
  await agent.route('**/messages', (route) => {
    const refused = (route.request().postData() ?? '').includes('cursed');
    return refused ? route.fulfill({ status: 413, ...PAGE }) : route.continue();
  });
  await answers(agent, 'a cursed answer');
  await here.getByText(/\(413\)/).waitFor();
  await answers(agent, 'a plain answer');
  await there.getByText('a plain answer').waitFor();
  assert.equal(await there.getByText('a cursed answer').count(), 0);
  await here.getByText('a cursed answer').waitFor();
  await visitor.done();
  await agent.done();
});

test('an answer that is cut off each time says so, and holds up none of the others', async () => {
  const { visitor, agent, there, here } = await talking('is the line open?');
  await agent.route('**/messages', (route) => {
    const cut = (route.request().postData() ?? '').includes('cursed');
    return cut ? route.abort('connectionreset') : route.continue();
  });
  await answers(agent, 'a cursed line');
  await answers(agent, 'a plain line');
  await there.getByText('a plain line').waitFor({ timeout: 60000 });
  const held = here.getByRole('listitem').filter({ hasText: 'a cursed line' });
  await held.getByText('Something on the way to the server refused it.').waitFor();
  await agent.unroute('**/messages');
  await held.getByRole('button', { name: /again/i }).click();
  await there.getByText('a cursed line').waitFor();
  await visitor.done();
  await agent.done();
});

/** What one line gets each time, while everything else goes well. */
const STUMBLES = [
  { status: 500, contentType: 'application/problem+json', body: '{"detail":"Out of order."}' },
  { status: 400, ...PAGE },
];

for (const stumble of STUMBLES) test(`an answer that gets a ${stumble.status} each time stands aside, says why, and goes out when it is sent again`, async () => {
  const { visitor, agent, there, here } = await talking(`what about ${stumble.status}?`);
  await agent.route('**/messages', (route) => {
    const cursed = (route.request().postData() ?? '').includes('cursed');
    return cursed ? route.fulfill(stumble) : route.continue();
  });
  await answers(agent, 'a cursed answer');
  await answers(agent, 'a plain answer');
  await there.getByText('a plain answer').waitFor({ timeout: 60000 });
  const held = here.getByRole('listitem').filter({ hasText: 'a cursed answer' });
  await held.getByText(stumble.status === 500 ? 'Out of order.' : /\(400\)/).waitFor();
  await agent.unroute('**/messages');
  await held.getByRole('button', { name: /again/i }).click();
  await there.getByText('a cursed answer').waitFor();
  assert.equal(await here.getByText('a cursed answer').count(), 1);
  await visitor.done();
  await agent.done();
});

for (const stumble of STUMBLES) test(`a message that gets a ${stumble.status} each time stands aside, says why, and goes out when it is sent again`, async () => {
  const visitor = await window();
  await visitor.goto(`${house.url}/demo-shop`);
  await openChat(visitor);
  await visitor.route('**/w/v1/messages', (route) => {
    const cursed = (route.request().postData() ?? '').includes('cursed');
    return cursed ? route.fulfill(stumble) : route.continue();
  });
  await says(visitor, 'a cursed message');
  await says(visitor, 'a plain message');
  const log = visitor.getByRole('log', { name: 'Conversation' });
  await log.locator('.sent, .seen', { hasText: 'a plain message' }).waitFor({ timeout: 60000 });
  await log.locator('.failed', { hasText: 'a cursed message' }).getByText(stumble.status === 500 ? 'Out of order.' : /does not get through/).waitFor();
  await visitor.unroute('**/w/v1/messages');
  await log.getByRole('button', { name: 'Retry' }).click();
  await log.locator('.sent, .seen', { hasText: 'a cursed message' }).waitFor();
  await visitor.done();
});

test('a shop that asks for time as often as it likes is given it: nothing stands aside', async () => {
  const { visitor, agent, there, here } = await talking('is there room?');
  const busy = { status: 503, contentType: 'application/problem+json', body: '{"detail":"No room to save."}', headers: { 'retry-after': '1' } };
  for (const [page, path, write] of [[agent, '**/inbox/*/messages', answers], [visitor, '**/w/v1/messages', says]]) {
    let tries = 0;
    await page.route(path, (route) => {
      tries += 1;
      return tries <= 6 ? route.fulfill({ ...busy, headers: { ...busy.headers, 'access-control-allow-origin': '*', 'access-control-expose-headers': 'retry-after' } }) : route.continue();
    });
    await write(page, `after six refusals, ${path}`);
    await there.locator('.sent, .seen, .agent', { hasText: `after six refusals, ${path}` }).waitFor({ timeout: 30000 });
    assert.equal(tries, 7);
    await page.unroute(path);
  }
  assert.equal(await here.getByRole('button', { name: /again/i }).count(), 0);
  await visitor.done();
  await agent.done();
});

test('the longest answer goes out, in whatever letters', async () => {
  const { visitor, agent, there } = await talking('at length, please');
  await answers(agent, '漢'.repeat(7900));
  await answers(agent, 'and that was all');
  await there.getByText('and that was all').waitFor({ timeout: 30000 });
  assert.equal(await there.getByText('漢'.repeat(7900)).count(), 1);
  await visitor.done();
  await agent.done();
});

test('a message goes out from a page with the longest of addresses', async () => {
  const visitor = await window();
  await visitor.goto(shop.url);
  await openChat(visitor);
  await visitor.evaluate(() => history.replaceState(null, '', `#${'x'.repeat(70000)}`));
  await says(visitor, 'from far away');
  await visitor.getByRole('log', { name: 'Conversation' }).getByRole('img', { name: 'Sent', exact: true }).waitFor({ timeout: 30000 });
  await visitor.done();
});

for (const status of [413, 403]) test(`a message that a gateway refuses with ${status}, in a way no page may read, says why and lets the others pass`, async () => {
  const visitor = await window();
  await visitor.goto(shop.url);
  await openChat(visitor);
  await visitor.route('**/w/v1/messages', (route) => {
    const refused = (route.request().postData() ?? '').includes('cursed');
    return refused ? route.fulfill({ status, ...PAGE }) : route.continue();
  });
  await says(visitor, `a cursed message, ${status}`);
  await says(visitor, `a plain message, ${status}`);
  const log = visitor.getByRole('log', { name: 'Conversation' });
  await log.getByRole('img', { name: 'Sent' }).waitFor({ timeout: 60000 });
  await log.getByText(/does not get through/).waitFor();
  await log.getByRole('button', { name: 'Retry' }).waitFor();
  const agent = await agentWindow(house);
  await agent.getByRole('link', { name: new RegExp(`a plain message, ${status}`) }).waitFor();
  await visitor.unroute('**/w/v1/messages');
  await log.getByRole('button', { name: 'Retry' }).click();
  await log.getByRole('button', { name: 'Retry' }).waitFor({ state: 'detached' });
  await agent.getByRole('link', { name: new RegExp(`a cursed message, ${status}`) }).waitFor();
  await agent.done();
  visitor.faults.length = 0;
  await visitor.done();
});

test('whatever a gateway says while the shop is away, a message of a visitor goes out by itself afterwards', async () => {
  const visitor = await window();
  // On our own page the answers of a gateway can be read.
  await visitor.goto(`${house.url}/demo-shop`);
  await openChat(visitor);
  const log = visitor.getByRole('log', { name: 'Conversation' });
  for (const [number, away] of AWAY.entries()) {
    let tries = 0;
    await visitor.route('**/w/v1/messages', (route) => {
      tries += 1;
      return tries === 1 ? route.fulfill(away) : route.continue();
    });
    const text = `message number ${number}, after a ${away.status}`;
    await says(visitor, text);
    await log.locator('.sent, .seen', { hasText: text }).waitFor({ timeout: 30000 });
    assert.ok(tries >= 2);
    await visitor.unroute('**/w/v1/messages');
  }
  assert.equal(await log.getByRole('button', { name: 'Retry' }).count(), 0);
  await visitor.done();
});

test('the time that the server asks for is given to it', async () => {
  const { visitor, agent, there } = await talking('too fast?');
  for (const [who, page, path, write] of [['visitor', visitor, '**/w/v1/messages', says], ['agent', agent, '**/inbox/*/messages', answers]]) {
    const tried = [];
    await page.route(path, (route) => {
      tried.push(Date.now());
      const headers = { 'retry-after': '3', 'access-control-allow-origin': '*', 'access-control-expose-headers': 'retry-after' };
      return tried.length === 1 ? route.fulfill({ status: 429, contentType: 'application/problem+json', body: '{"detail":"Slowly."}', headers }) : route.continue();
    });
    await write(page, `first of the ${who}`);
    await write(page, `second of the ${who}`);
    await there.locator('.sent, .seen, .agent', { hasText: `second of the ${who}` }).waitFor();
    assert.ok(tried[1] - tried[0] >= 2900, `tried again after ${tried[1] - tried[0]} ms`);
    await page.unroute(path);
  }
  await visitor.done();
  await agent.done();
});

test('a part of the chat that did not load once is asked for by another name', async () => {
  const visitor = await window();
  await visitor.goto(shop.url);
  for (const [part, act, seen] of [
    [/widget\/panel\./, () => visitor.getByRole('button', { name: /^Chat/ }).click(), () => visitor.getByRole('textbox', { name: 'Message' }).waitFor()],
    [/widget\/live\./, () => says(visitor, 'is anybody there?'), () => visitor.waitForEvent('websocket')],
    [/widget\/extras\./, () => visitor.getByRole('button', { name: 'More' }).click(), () => visitor.getByRole('menuitemcheckbox', { name: 'Sounds' }).waitFor()],
  ]) {
    const asked = [];
    await visitor.route(part, (route) => {
      asked.push(route.request().url());
      return asked.length === 1 ? route.abort() : route.continue();
    });
    const there = seen();
    const failed = visitor.waitForEvent('requestfailed');
    await act();
    await failed;
    if (String(part).includes('panel')) await visitor.getByRole('button', { name: 'Chat is unavailable now' }).click();
    await there;
    assert.equal(new Set(asked).size, asked.length, `${part} by a new name: ${asked}`);
    await visitor.unroute(part);
  }
  await visitor.done();
});

test('where no socket gets through, the agent is told so, and news comes all the same', async () => {
  const agent = await window();
  // An address that refuses sockets, as a proxy does that knows none.
  await agent.addInitScript(() => {
    const Real = globalThis.WebSocket;
    globalThis.WebSocket = class extends Real {
      constructor(url) { super(String(url).replace('/live?', '/login?')); }
    };
  });
  await agent.goto(`${house.url}/login`);
  await agent.locator('#email').fill(OWNER);
  await agent.locator('#password').fill(PASSWORD);
  await agent.locator('form button').first().click();
  await agent.waitForURL(/\/inbox/);
  const told = agent.locator('#banner-by-pages');
  await told.waitFor({ timeout: 60000 });
  assert.match(await told.innerText(), /WebSockets/);
  assert.equal(await agent.locator('#banner-offline').isVisible(), false, 'there is a connection');

  const visitor = await window();
  await visitor.goto(shop.url);
  await openChat(visitor);
  await says(visitor, 'is anybody there without sockets?');
  const row = agent.getByRole('link', { name: /anybody there without sockets/ });
  await row.waitFor({ timeout: 60000 });
  await row.focus();
  await says(visitor, 'or a second line?');
  const next = agent.getByRole('link', { name: /or a second line/ });
  await next.waitFor({ timeout: 60000 });
  assert.ok(await next.evaluate((it) => it === document.activeElement), 'who stands on an entry stays there');

  await next.click();
  await agent.getByRole('button', { name: 'Join conversation' }).click();
  await answers(agent, 'here I am, by pages');
  await visitor.getByRole('log', { name: 'Conversation' }).getByText('here I am, by pages').waitFor();
  await says(visitor, 'a third one');
  await agent.getByRole('log', { name: 'Messages' }).getByText('a third one').waitFor({ timeout: 60000 });
  await visitor.done();
  await agent.done();
});
