// From one conversation to the next without a page: the lists, what is being written,
// and the one socket stay, and nothing is lost in between.

import assert from 'node:assert/strict';
import { after, before, beforeEach, afterEach, test } from 'node:test';
import { accessible, agentWindow, closeBrowser, openHouse, shot, stranger } from './support.mjs';

const MANY = 14;

let house;
let agent;
const visitors = [];

const writes = (n, body) => visitors[n].one.writes(body);

before(async () => {
  house = await openHouse({ args: ['--trusted-proxies', '127.0.0.1'] });
  for (let n = 0; n < MANY; n += 1) {
    const one = await stranger(house);
    visitors.push({ one, key: await one.writes(`question number ${n}.`) });
  }
});
beforeEach(async () => {
  agent = await agentWindow(house, { viewport: { width: 1280, height: 620 } });
  await agent.goto('about:blank');
  agent.sockets = 0;
  agent.on('websocket', (it) => { if (it.url().includes('/live')) agent.sockets += 1; });
  await agent.goto(`${house.url}/inbox`);
  await agent.evaluate(() => { globalThis.whole = true; });
});
afterEach(() => agent.done());
after(async () => { await closeBrowser(); await house.close(); });

const row = (n) => agent.locator(`#c-${visitors[n].key} a`);
const log = () => agent.getByRole('log', { name: 'Messages' });
const shows = (n) => log().getByText(`question number ${n}.`).waitFor();
const opens = async (n) => {
  await row(n).click();
  await shows(n);
};
const stayed = async (sockets = 1) => {
  assert.equal(await agent.evaluate(() => globalThis.whole), true, 'no page was loaded');
  assert.equal(agent.sockets, sockets, 'sockets');
};
const joins = async () => {
  await agent.getByRole('button', { name: 'Join conversation' }).click();
  await agent.getByRole('textbox', { name: 'Message' }).waitFor();
};

test('ten conversations by keys and by hand: the lists keep their place, the row the focus, and one socket does', async () => {
  await row(0).focus();
  for (let n = 1; n < 6; n += 1) {
    await agent.keyboard.press('j');
    await shows(n);
    assert.equal(await row(n).evaluate((it) => it === document.activeElement), true, `row ${n} has the focus`);
    assert.equal(await row(n).getAttribute('aria-current'), 'page');
    assert.match(agent.url(), new RegExp(`${visitors[n].key}$`));
  }
  await row(9).scrollIntoViewIfNeeded();
  const far = () => agent.locator('.lists').evaluate((it) => it.scrollTop);
  const top = await far();
  assert.ok(top > 0);
  for (let n = 9; n > 5; n -= 1) {
    await opens(n);
    const button = agent.getByRole('button', { name: 'Join conversation' });
    assert.equal(await button.evaluate((it) => it === document.activeElement), true, 'the hand is at what comes next');
    assert.equal(await far(), top);
  }
  assert.match(await agent.title(), /Client 7/);
  await agent.locator('#region-said', { hasText: /Client 7/ }).waitFor({ state: 'attached' });
  await agent.goBack();
  await shows(7);
  await agent.goForward();
  await shows(6);
  await stayed();
  await shot(agent, 'regions-1280');
  await accessible(agent, 'after ten conversations');
});

test('four quick presses of J move four rows, and only the last is drawn', async () => {
  await opens(0);
  await row(0).focus();
  const drawn = await agent.evaluate(() => {
    globalThis.drawn = [];
    new MutationObserver(() => globalThis.drawn.push(document.body.dataset.view)).observe(document.querySelector('.middle'), { childList: true });
    return document.body.dataset.view;
  });
  assert.equal(drawn, visitors[0].key);
  await agent.evaluate(() => {
    for (let n = 0; n < 4; n += 1) document.body.dispatchEvent(new KeyboardEvent('keydown', { key: 'j', code: 'KeyJ', bubbles: true }));
  });
  await shows(4);
  assert.deepEqual(await agent.evaluate(() => globalThis.drawn), [visitors[4].key]);
  await agent.goBack();
  await shows(0);
  await stayed();
});

test('drafts stay with their conversation, and what is typed in one is told to nobody else', async () => {
  await opens(0);
  await joins();
  await agent.getByRole('textbox', { name: 'Message' }).fill('half a thought');
  await opens(1);
  assert.equal(await agent.locator('#body').inputValue(), '');
  await joins();
  await agent.getByRole('textbox', { name: 'Message' }).fill('another');
  await opens(0);
  assert.equal(await agent.locator('#body').inputValue(), 'half a thought');
  assert.equal(await agent.locator('#body').evaluate((it) => it === document.activeElement), true);
  await opens(1);
  assert.equal(await agent.locator('#body').inputValue(), 'another');
  // Also where the browser takes no more of it: the newer one counts.
  await agent.evaluate(() => { Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); }; });
  await agent.getByRole('textbox', { name: 'Message' }).fill('a better one');
  await opens(0);
  await opens(1);
  assert.equal(await agent.locator('#body').inputValue(), 'a better one');
  await stayed();
});

test('whoever signs out leaves neither drafts nor where he was on this machine', async () => {
  await opens(11);
  await joins();
  await agent.getByRole('textbox', { name: 'Message' }).fill('not for the next one');
  await opens(4);
  await agent.keyboard.press('Control+k');
  await agent.getByRole('combobox').fill('number 11');
  await agent.getByRole('option', { name: /question number 11/ }).waitFor();
  await agent.keyboard.press('Enter');
  await shows(11);
  const left = () => agent.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }));
  assert.match(await left(), /not for the next one/);
  assert.match(await left(), /"shopbell\.recent\./);
  await agent.keyboard.press('Escape');
  await agent.locator('.side-me').click();
  await agent.getByRole('button', { name: 'Sign out' }).click();
  await agent.waitForURL(/done=signed_out/);
  assert.doesNotMatch(await left(), /not for|c_[\w-]{8}|recent/);
});

test('a line that is written while the next conversation is under way stands there once', async () => {
  await opens(0);
  // The answer is held until the line has been written.
  await agent.route(`**/inbox/${visitors[2].key}`, async (route) => {
    const answer = await route.fetch();
    await writes(2, 'between the page and the look');
    await route.fulfill({ response: answer });
  });
  await opens(2);
  await log().getByText('between the page and the look').waitFor();
  await writes(2, 'and after it');
  await log().getByText('and after it').waitFor();
  assert.equal(await log().getByText('between the page and the look').count(), 1);
  await writes(0, 'somewhere else');
  await row(0).getByText('somewhere else').waitFor();
  assert.equal(await log().getByText('somewhere else').count(), 0);
  await stayed();
});

test('a line that was sent arrives in its own conversation, wherever its writer is by then', async () => {
  await opens(3);
  await joins();
  let release = () => {};
  const held = new Promise((resolve) => { release = () => resolve(undefined); });
  await agent.route(`**/inbox/${visitors[3].key}/messages`, async (route) => {
    await held;
    await route.continue();
  });
  await agent.getByRole('textbox', { name: 'Message' }).fill('for number three');
  await agent.keyboard.press('Enter');
  await opens(4);
  const sent = agent.waitForResponse((it) => it.url().endsWith(`${visitors[3].key}/messages`));
  release();
  assert.ok((await sent).ok());
  assert.equal(await log().getByText('for number three').count(), 0);
  await opens(3);
  await log().getByText('for number three').waitFor();
  assert.equal(await log().getByText('for number three').count(), 1);
  await stayed();
});

test('while the server is away the lists stay and say so, and the chat opens by itself when it is back', async () => {
  await opens(5);
  await house.stop('SIGKILL');
  await row(6).click();
  await agent.getByText('This chat cannot be shown just now').waitFor();
  assert.equal(await row(7).isVisible(), true);
  await shot(agent, 'regions-away');
  await accessible(agent, 'without a server');
  await house.start();
  await shows(6);
  await writes(6, 'are you back?');
  await log().getByText('are you back?').waitFor();
  assert.equal(await agent.evaluate(() => globalThis.whole), true);
});

test('after Resolve the hand is at the next who waits, or he is open already; Esc leaves the box', async () => {
  await opens(10);
  await joins();
  await agent.keyboard.press('Escape');
  assert.equal(await log().evaluate((it) => it === document.activeElement), true);
  await agent.keyboard.press('e');
  await agent.waitForFunction(() => document.activeElement?.closest('.row[data-waiting="yes"]'));
  await agent.getByRole('button', { name: 'Reopen' }).waitFor();
  await opens(11);
  await agent.getByRole('button', { name: 'Done, open the next one waiting' }).click();
  await agent.waitForFunction((key) => document.body.dataset.view !== key && document.querySelector('#log'), visitors[11].key);
  assert.equal(await agent.locator('.row a[aria-current]').evaluate((it) => it === document.activeElement), true);
  await agent.locator(`#c-${visitors[11].key}`).waitFor({ state: 'detached' });
  await shot(agent, 'regions-next');
  await stayed();
});

test('fifty changes leave no listener behind', async () => {
  const session = await agent.context().newCDPSession(agent);
  await session.send('Performance.enable');
  const listeners = async () => {
    await session.send('HeapProfiler.collectGarbage');
    const { metrics } = await session.send('Performance.getMetrics');
    return metrics.find((it) => it.name === 'JSEventListeners').value;
  };
  await opens(8);
  await opens(9);
  const before = await listeners();
  for (let n = 0; n < 25; n += 1) {
    await opens(8);
    await opens(9);
  }
  // What is let go of is counted until it is swept up.
  let now = await listeners();
  for (let n = 0; before + 5 < now && n < 20; n += 1) {
    await agent.waitForTimeout(100);
    now = await listeners();
  }
  assert.ok(now <= before + 5, `${before} listeners, then ${now}`);
  await stayed();
});

test('what is gone or refused, other windows and a phone', async () => {
  await agent.route(`**/inbox/${visitors[12].key}`, (route) => route.continue({ url: `${house.url}/inbox/c_nothere` }));
  await row(12).click();
  await agent.getByText('This chat is not there').waitFor();
  assert.equal(await row(9).isVisible(), true);
  const [other] = await Promise.all([agent.context().waitForEvent('page'), row(13).click({ modifiers: ['ControlOrMeta'] })]);
  await other.close();
  await agent.getByText('This chat is not there').waitFor();
  await stayed();

  await agent.setViewportSize({ width: 390, height: 700 });
  await agent.getByRole('link', { name: 'Back' }).first().click();
  await row(13).scrollIntoViewIfNeeded();
  const far = () => agent.locator('.lists').evaluate((it) => it.scrollTop);
  const top = await far();
  await opens(13);
  assert.equal(await agent.locator('.lists').isVisible(), false);
  await shot(agent, 'regions-390');
  await agent.goBack();
  await row(13).waitFor();
  assert.equal(await far(), top);
  await opens(13);
  await agent.locator('.thread-back').click();
  await row(13).waitFor();
  assert.equal(await far(), top);
  await stayed();
});
