// What survives: a killed server, a lost network on either side, a page left and
// come back to, a refusal, a session ended elsewhere, a visitor who wants to be
// forgotten.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OWNER, PASSWORD, agentWindow, closeBrowser, openChat, openHouse, openShop, says, visitorWindow, window } from './support.mjs';

let house;
before(async () => { house = await openHouse(); });
after(async () => { await closeBrowser(); await house.close(); });

const WIDGET_LOG = { name: 'Conversation' };

/** A visitor who has written, and an agent who has joined. */
async function talking(text) {
  const agent = await agentWindow(house);
  const visitor = await visitorWindow(house);
  await openChat(visitor);
  await says(visitor, text);
  await agent.getByRole('link', { name: new RegExp(text) }).click();
  await agent.getByRole('button', { name: 'Join conversation' }).click();
  await visitor.getByText('Ada joined the chat').waitFor();
  return { agent, visitor, there: visitor.getByRole('log', WIDGET_LOG), here: agent.getByRole('log', { name: 'Messages' }) };
}

async function answers(agent, text) {
  await agent.getByRole('textbox', { name: 'Message' }).fill(text);
  await agent.getByRole('button', { name: 'Send', exact: true }).click();
}

test('a server that is killed in the middle of a chat loses nothing and doubles nothing', async () => {
  const { agent, visitor, there, here } = await talking('before the blow');
  await answers(agent, 'answered before');
  await there.getByText('answered before').waitFor();
  await house.stop('SIGKILL');
  await says(visitor, 'said into the dark');
  await answers(agent, 'answered into the dark');
  await house.start();
  await here.getByText('said into the dark').waitFor({ timeout: 60000 });
  await there.getByText('answered into the dark').waitFor({ timeout: 60000 });
  for (const text of ['before the blow', 'answered before', 'said into the dark', 'answered into the dark']) {
    assert.equal(await here.getByText(text, { exact: true }).count(), 1, `${text}, on the agent's screen`);
    assert.equal(await there.getByText(text, { exact: true }).count(), 1, `${text}, on the visitor's screen`);
  }
  await visitor.done();
  await agent.done();
});

test('an answer written without a network says so and goes out by itself', async () => {
  const { agent, visitor, there, here } = await talking('are you there?');
  await agent.context().setOffline(true);
  await answers(agent, 'in a lift');
  await here.getByRole('button', { name: /again/i }).waitFor();
  assert.equal(await there.getByText('in a lift').count(), 0);
  await agent.context().setOffline(false);
  await there.getByText('in a lift').waitFor();
  await here.getByRole('button', { name: /again/i }).waitFor({ state: 'detached' });
  assert.equal(await here.getByText('in a lift').count(), 1);
  await visitor.done();
  await agent.done();
});

test('a page that comes back out of the back-forward cache has what it missed', async () => {
  const shop = await openShop({ body: `<h1>Mugs</h1><script async src="${house.url}/w.js" data-site="${house.site}"></script>` });
  const visitor = await window();
  await visitor.goto(shop.url);
  await openChat(visitor);
  await says(visitor, 'one moment');
  const agent = await agentWindow(house);
  await agent.getByRole('link', { name: /one moment/ }).click();
  await agent.getByRole('button', { name: 'Join conversation' }).click();
  const there = visitor.getByRole('log', WIDGET_LOG);
  await there.getByText('Ada joined the chat').waitFor();
  await visitor.evaluate(() => addEventListener('pageshow', (event) => { globalThis.thawed = event.persisted; }));
  await visitor.goto(`${shop.url}/elsewhere`);
  await answers(agent, 'written meanwhile');
  await agent.locator('[data-kind="agent"]', { hasText: 'written meanwhile' }).waitFor();
  await visitor.goBack({ waitUntil: 'commit' });
  const kept = await visitor.evaluate(() => globalThis.thawed ?? JSON.stringify(performance.getEntriesByType('navigation')[0].notRestoredReasons));
  assert.equal(kept, true, 'the page was kept');
  await there.getByText('written meanwhile').waitFor();
  assert.equal(await there.getByText('written meanwhile').count(), 1);
  await visitor.done();
  await agent.done();
  await shop.close();
});

test('a refused message keeps its words, says why, and goes out on retry', async () => {
  const visitor = await visitorWindow(house);
  await openChat(visitor);
  const refusal = { type: 'about:blank', title: 'No', status: 422, detail: 'Not like this, please.' };
  await visitor.route('**/w/v1/messages', (route) => route.fulfill({
    status: 422, contentType: 'application/problem+json', body: JSON.stringify(refusal), headers: { 'access-control-allow-origin': '*' },
  }));
  await says(visitor, 'hard to say');
  const log = visitor.getByRole('log', WIDGET_LOG);
  await log.getByText('Not like this, please.').waitFor();
  await log.getByRole('img', { name: 'Not sent' }).waitFor();
  await visitor.unroute('**/w/v1/messages');
  await log.getByRole('button', { name: 'Retry' }).click();
  await log.getByRole('img', { name: 'Sent' }).waitFor();
  assert.equal(await log.getByText('hard to say').count(), 1);
  assert.equal(await log.getByText('Not like this, please.').count(), 0);
  await visitor.done();
});

test('a session ended elsewhere is over on its own screen, without a reload', async () => {
  const here = await agentWindow(house);
  const there = await agentWindow(house);
  await there.locator('body[data-seq]').waitFor();
  await here.goto(`${house.url}/me`);
  await here.getByRole('button', { name: /End all others/ }).click();
  await there.waitForURL(/\/login/);
  await there.done();
  await here.done();
});

test('a visitor who is forgotten leaves nothing behind in the browser', async () => {
  const visitor = await visitorWindow(house);
  await openChat(visitor);
  await says(visitor, 'forget me');
  const log = visitor.getByRole('log', WIDGET_LOG);
  await log.getByRole('img', { name: 'Sent' }).waitFor();
  assert.ok(await visitor.evaluate(() => Object.keys(localStorage).length) > 0);
  await visitor.evaluate(() => globalThis.shopbell('reset'));
  assert.equal(await visitor.evaluate(() => JSON.stringify(localStorage).includes('token')), false);
  assert.equal(await log.getByText('forget me').count(), 0);
  const other = await window();
  await other.goto(`${house.url}/demo-shop`);
  await openChat(other);
  assert.equal(await other.getByText('forget me').count(), 0, 'nobody else sees it either');
  await other.done();
  await visitor.done();
});

test('what an agent wrote without a network goes out in the order in which it was written', async () => {
  const { agent, visitor, there, here } = await talking('in order, please');
  await agent.context().setOffline(true);
  for (const text of ['first of three', 'second of three', 'third of three']) await answers(agent, text);
  await here.getByText(/goes out by itself/).first().waitFor();
  await agent.context().setOffline(false);
  await there.getByText('third of three').waitFor();
  assert.deepEqual(await there.getByText(/of three$/).allInnerTexts(), ['first of three', 'second of three', 'third of three']);
  await visitor.done();
  await agent.done();
});

test('a refused answer waits for its author, over a reload and in nobody else’s name', async () => {
  const { agent, visitor, there, here } = await talking('shall we?');
  let tries = 0;
  await agent.context().route('**/messages', (route) => {
    tries += 1;
    return route.fulfill({ status: 409, contentType: 'application/problem+json', body: '{"detail":"Bob has answered meanwhile."}' });
  });
  await answers(agent, 'we shall');
  await here.getByText('Bob has answered meanwhile.').waitFor();
  await agent.reload();
  await here.getByText('Bob has answered meanwhile.').waitFor();
  assert.equal(tries, 1);
  const stored = await agent.evaluate(() => Object.keys(localStorage).filter((it) => it.startsWith('shopbell.outbox.')));
  assert.deepEqual(stored, [`shopbell.outbox.${await agent.locator('body').getAttribute('data-agent')}.${await agent.locator('body').getAttribute('data-view')}`]);
  await agent.context().unroute('**/messages');
  await here.getByRole('button', { name: 'Send anyway' }).click();
  await there.getByText('we shall').waitFor();
  await visitor.done();
  await agent.done();
});

test('an answer that met a session that was over goes out once its author has signed in again', async () => {
  const { agent, visitor, there, here } = await talking('still signed in?');
  await agent.context().clearCookies();
  await answers(agent, 'not any more');
  await agent.waitForURL(/\/login/);
  assert.equal(await there.getByText('not any more').count(), 0);
  await agent.locator('#email').fill(OWNER);
  await agent.locator('#password').fill(PASSWORD);
  await agent.locator('form button').first().click();
  await there.getByText('not any more').waitFor();
  assert.equal(await here.getByText('not any more').count(), 1);
  await here.getByRole('button', { name: /again/i }).waitFor({ state: 'detached' });
  await visitor.done();
  await agent.done();
});

/** A tab of an agent's browser that hears nothing over its socket. */
async function deafTab(agent, url) {
  const tab = await agent.context().newPage();
  await tab.routeWebSocket(/\/live/, () => {});
  // What it says by itself of what was read would tell it who is signed in, sooner or later.
  await tab.route(/\/seen$/, (route) => route.fulfill({ json: { done: true } }));
  await tab.goto(url);
  await tab.getByRole('textbox', { name: 'Message' }).waitFor();
  return tab;
}

/** Windows of a test are never hidden; whoever looks at one again is told in the same way. */
const comesBack = (tab) => tab.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));

async function signOut(tab) {
  await tab.goto(`${house.url}/me`);
  await tab.locator('.side-me').click();
  await tab.locator('.menu-out').click();
  await tab.waitForURL(/\/login/);
}

async function signIn(tab, email, password) {
  await tab.locator('#email').fill(email);
  await tab.locator('#password').fill(password);
  await tab.locator('form button').first().click();
  await tab.waitForURL(/\/inbox/);
}

test('what an agent does in a page from before he signed in again, in another tab, is done', async () => {
  const { agent, visitor, there } = await talking('still you?');
  const old = await deafTab(agent, agent.url());
  await signOut(agent);
  await signIn(agent, OWNER, PASSWORD);
  await answers(old, 'still me');
  await there.getByText('still me').waitFor();
  await old.getByRole('button', { name: 'Resolve' }).click();
  await there.getByText('Ada closed the chat').waitFor();
  await visitor.done();
  await agent.done();
});

test('an answer that was refused while a colleague was signed in goes out in its author’s name, once he is back', async () => {
  const { agent, visitor, there, here } = await talking('who answers?');
  const address = agent.url();
  await agent.goto(`${house.url}/settings/team`);
  await agent.locator('#name').fill('Ben');
  await agent.locator('#email').fill('ben@mugs.example');
  await agent.locator('form[action="/settings/team"] button').last().click();
  const link = await agent.locator('#invite-link').inputValue();
  const old = await deafTab(agent, address);
  await signOut(agent);
  await agent.goto(link);
  await agent.locator('#password').fill('the password of ben');
  await agent.locator('form button').first().click();
  await agent.waitForURL(/\/inbox/);

  const refused = old.waitForResponse((it) => it.url().endsWith('/messages') && it.status() === 403);
  await answers(old, 'Ada says so');
  await refused;
  await old.getByRole('log', { name: 'Messages' }).getByText(/open for too long/).waitFor();
  await agent.goto(address);
  await here.waitFor();
  assert.equal(await here.getByText('Ada says so').count(), 0, 'not on his screen');
  const again = old.waitForResponse((it) => it.url().endsWith('/messages') && it.status() === 403);
  await comesBack(old);
  await again;
  assert.equal(await there.getByText('Ada says so').count(), 0, 'nor the visitor’s');

  await signOut(agent);
  await signIn(agent, OWNER, PASSWORD);
  await comesBack(old);
  await there.getByText('Ada says so').waitFor();
  assert.match(await there.locator('.agent', { hasText: 'Ada says so' }).innerText(), /Ada/);
  assert.equal(await old.getByRole('button', { name: /again/i }).count(), 0);
  await visitor.done();
  await agent.done();
});

test('after a restore, what a visitor had read is not unread again', async () => {
  const { agent, visitor, there, here } = await talking('shall I look again?');
  await answers(agent, 'long since read');
  await here.locator('[data-tick="seen"]', { hasText: 'long since read' }).waitFor();
  const epoch = await agent.locator('body').getAttribute('data-epoch');
  const copy = mkdtempSync(join(tmpdir(), 'shopbell-copy-'));
  await house.stop();
  cpSync(house.data, copy, { recursive: true });
  await house.start();
  await answers(agent, 'read and then lost');
  await here.locator('[data-tick="seen"]', { hasText: 'read and then lost' }).waitFor({ timeout: 60000 });
  await visitor.getByRole('button', { name: 'Close chat' }).click();
  await visitor.evaluate(() => { globalThis.counts = []; globalThis.shopbell('on', 'unread', ({ count }) => globalThis.counts.push(count)); });
  await house.stop();
  rmSync(house.data, { recursive: true });
  cpSync(copy, house.data, { recursive: true });
  rmSync(copy, { recursive: true });
  await house.start();
  await visitor.waitForFunction((old) => {
    const [, kept] = Object.entries(localStorage).find(([name]) => /^shopbell:[^:]+$/.test(name));
    return JSON.parse(kept).epoch !== old;
  }, epoch, { timeout: 60000 });
  await here.getByText('read and then lost').waitFor({ state: 'detached', timeout: 60000 });
  await answers(agent, 'news after the restore');
  await visitor.waitForFunction(() => globalThis.counts.length);
  assert.deepEqual(await visitor.evaluate(() => globalThis.counts), [1]);
  await visitor.done();
  await agent.done();
});

test('after a restore, what is numbered as what was read before is unread all the same', async () => {
  const { agent, visitor, there, here } = await talking('before the copy');
  const beside = await agent.context().newPage();
  await beside.goto(`${house.url}/inbox`);
  const row = beside.locator(`#c-${await agent.locator('body').getAttribute('data-view')}`);
  const copy = mkdtempSync(join(tmpdir(), 'shopbell-copy-'));
  await house.stop();
  cpSync(house.data, copy, { recursive: true });
  await house.start();

  for (let n = 0; n < 4; n += 1) {
    await says(visitor, `lost question ${n}`);
    await here.getByText(`lost question ${n}`).waitFor({ timeout: 60000 });
    await answers(agent, `lost answer ${n}`);
    await here.locator('[data-tick="seen"]', { hasText: `lost answer ${n}` }).waitFor({ timeout: 60000 });
  }
  await house.stop();
  rmSync(house.data, { recursive: true });
  cpSync(copy, house.data, { recursive: true });
  rmSync(copy, { recursive: true });
  await house.start();
  for (const log of [here, there]) await log.getByText('lost answer 3').waitFor({ state: 'detached', timeout: 60000 });

  await answers(agent, 'an answer anew');
  await here.locator('[data-tick="seen"]', { hasText: 'an answer anew' }).waitFor({ timeout: 60000 });
  await agent.bringToFront();
  const told = agent.waitForResponse((it) => it.url().endsWith('/seen'));
  await says(visitor, 'a question anew');
  await told;
  await agent.goto(`${house.url}/me`);
  await says(visitor, 'and another');
  await row.getByText('Unread: 1').waitFor({ timeout: 60000 });
  await visitor.done();
  await agent.done();
});

test('a chat taken over leaves no keys to press for whoever was typing', async () => {
  const { agent, visitor } = await talking('who is there?');
  const box = agent.getByRole('textbox', { name: 'Message' });
  await box.fill('just a mom');
  await box.focus();
  await visitor.getByRole('button', { name: 'More' }).click();
  await visitor.getByRole('menuitem', { name: 'End chat' }).click();
  await agent.getByRole('button', { name: 'Reopen' }).waitFor();
  await agent.keyboard.type('rn');
  assert.equal(await agent.getByRole('button', { name: 'Reopen' }).count(), 1);
  assert.equal(await box.isVisible(), false);
  await visitor.done();
  await agent.done();
});

test('an answer that comes after a visitor was forgotten is not shown to the next one', async () => {
  const visitor = await visitorWindow(house);
  await openChat(visitor);
  await says(visitor, 'my secret');
  const log = visitor.getByRole('log', WIDGET_LOG);
  await log.getByRole('img', { name: 'Sent' }).waitFor();
  /** @type {() => void} */
  let answer = () => {};
  const held = new Promise((done) => { answer = () => done(undefined); });
  await visitor.route('**/w/v1/history*', async (route) => {
    const response = await route.fetch();
    await held;
    await route.fulfill({ response });
  });
  const asked = visitor.waitForRequest('**/w/v1/history*');
  await visitor.reload();
  await asked;
  await visitor.evaluate(() => globalThis.shopbell('reset'));
  const answered = visitor.waitForResponse('**/w/v1/history*');
  answer();
  await (await answered).finished();
  await openChat(visitor);
  await visitor.getByRole('textbox', { name: 'Message' }).waitFor();
  assert.equal(await visitor.getByText('my secret').count(), 0);
  await visitor.done();
});
