// The main job behind each proxy that people use, with the README's own lines:
// at the root of a host and below a path, through a reload and a restart of the
// proxy and of the program, and with a proxy that ends what is quiet.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { IMPATIENT, NAMES, openBehind } from './proxies.mjs';
import { agentWindow, closeBrowser, openChat, openShop, says, window } from './support.mjs';

after(closeBrowser);

/** What hangs, fails. */
const LIMIT = { timeout: 90_000 };
const SAFE = { ignoreHTTPSErrors: true };

/** A stranger's shop, with the chat on it. */
async function visit(house) {
  const shop = await openShop({ body: '', head: `<script async src="${house.url}/w.js" data-site="${house.site}"></script>` });
  const page = await window(SAFE);
  await page.goto(shop.url);
  await openChat(page);
  return { page, shop, log: page.getByRole('log', { name: 'Conversation' }) };
}

/** A line each way, and both arrive by themselves. */
async function talk({ agent, visitor }, what) {
  await says(visitor.page, `Are you there ${what}?`);
  await agent.getByRole('log', { name: 'Messages' }).getByText(`Are you there ${what}?`).waitFor();
  await says(agent, `Yes, ${what}.`);
  await visitor.log.getByText(`Yes, ${what}.`, { exact: true }).waitFor();
}

/** Both pages meet somebody who asks for nothing of the proxy's. */
async function begin(house) {
  const visitor = await visit(house);
  await says(visitor.page, 'Is the blue mug in stock?');
  const agent = await agentWindow(house, SAFE);
  await agent.getByRole('list', { name: 'Inbox' }).getByRole('link', { name: /^Client 1/ }).click();
  await agent.getByRole('button', { name: 'Join conversation' }).click();
  await visitor.log.getByText('Ada joined the chat').waitFor();
  return { agent, visitor };
}

/** The program is away for a moment, and both go on writing. */
async function away(house, { agent, visitor }) {
  await house.stop();
  const { status } = await house.ask('/healthz');
  assert.ok([502, 503].includes(status), `the proxy says ${status}`);
  await says(visitor.page, 'Hello, hello?');
  await says(agent, 'One moment, please.');
  await house.start();
  await agent.getByRole('log', { name: 'Messages' }).getByText('Hello, hello?').waitFor({ timeout: 45_000 });
  await visitor.log.getByText('One moment, please.').waitFor({ timeout: 45_000 });
}

/** Once more than it was: a socket of that page has ended. */
const cut = (page) => new Promise((resolve) => {
  page.on('websocket', (socket) => socket.on('close', () => resolve(undefined)));
});

for (const kind of NAMES) {
  for (const path of ['', '/chat']) {
    const where = path ? `below ${path}` : 'at the root';
    test(`behind ${kind} ${where} the main job goes on through a reload and a restart of the proxy`, LIMIT, async () => {
      const house = await openBehind(kind, { path });
      const people = await begin(house);
      const { agent, visitor } = people;
      const spoken = await agent.evaluate(() => /** @type {PerformanceNavigationTiming} */ (performance.getEntriesByType('navigation')[0]).nextHopProtocol);
      assert.equal(spoken, 'h2', 'the page came over HTTP/2');
      assert.ok(agent.url().startsWith(`${house.url}/inbox/c_`), agent.url());
      await talk(people, 'before');
      await house.reload();
      await talk(people, 'after a reload');
      await house.restartProxy();
      await talk(people, 'after a restart');
      await away(house, people);
      assert.doesNotMatch(house.complaints(), /prox|421/i, 'nothing is wrong with the lines of the README');
      await agent.locator('.side-me').click();
      await agent.getByRole('button', { name: 'Sign out' }).click();
      await agent.waitForURL(/done=signed_out/);
      assert.ok(agent.url().startsWith(`${house.url}/login`), agent.url());
      await visitor.shop.close();
      await visitor.page.context().close();
      await agent.context().close();
      await house.close();
    });
  }

  if (IMPATIENT.includes(kind)) test(`behind ${kind} sockets that were ended for being quiet come back by themselves`, LIMIT, async () => {
    const house = await openBehind(kind);
    const people = await begin(house);
    await house.restartProxy({ patient: false });
    await talk(people, 'with an impatient proxy');
    await Promise.all([cut(people.agent), cut(people.visitor.page)]);
    await talk(people, 'after a quiet while');
    await people.visitor.shop.close();
    await people.visitor.page.context().close();
    await people.agent.context().close();
    await house.close();
  });

  test(`behind ${kind} visitors are told apart by their own addresses, whatever they claim`, LIMIT, async () => {
    const house = await openBehind(kind);
    const arrive = (from, n) => house.ask('/w/v1/visitors', {
      from, method: 'POST',
      headers: { 'content-type': 'application/json', 'x-forwarded-for': `6.6.6.${n}` },
      body: JSON.stringify({ site: house.site }),
    });
    const seen = [];
    for (let n = 0; n < 31; n += 1) seen.push((await arrive('127.0.0.2', n)).status);
    assert.deepEqual(seen, [...Array(30).fill(201), 429]);
    assert.equal((await arrive('127.0.0.3', 1)).status, 201, 'somebody else is somebody else');
    const { status, spoken } = await house.ask2('/login');
    assert.deepEqual([status, spoken], [200, 'h2']);
    await house.close();
  });
}

/** The log has a thread of its own: a line comes a moment after the answer. */
async function told(house, words) {
  const deadline = Date.now() + 5_000;
  while (!words.test(house.complaints()) && Date.now() < deadline) await new Promise((next) => setTimeout(next, 20));
  assert.match(house.complaints(), words);
}

test('a proxy that passes neither name nor address nor sockets is told what to add', async () => {
  const house = await openBehind('nginx', {
    args: [],
    change: (lines) => lines
      .replace('proxy_set_header Host $http_host;', 'proxy_set_header Host upstream;')
      .replace(/proxy_set_header (Upgrade|Connection) .*/g, ''),
  });
  const { status, text } = await house.ask('/login', { headers: { accept: 'text/html' } });
  assert.equal(status, 421);
  assert.match(text, /“upstream”.*“chat\.example:\d+”.*proxy_set_header Host \$http_host;/s);
  await told(house, /421.*"upstream".*"chat\.example:\d+".*proxy_set_header Host \$http_host;/);
  await house.close();
});

test('a proxy that was not named and passes no sockets is told what to add', async () => {
  const house = await openBehind('nginx', {
    args: [],
    change: (lines) => lines.replace(/proxy_set_header (Upgrade|Connection) .*/g, ''),
  });
  const agent = await agentWindow(house, SAFE);
  await agent.waitForResponse((it) => it.url().endsWith('/me') && it.request().method() === 'HEAD');
  await told(house, /127\.0\.0\.1 sends X-Forwarded-For.*--trusted-proxies 127\.0\.0\.1/);
  await told(house, /passes no WebSockets.*proxy_set_header Upgrade \$http_upgrade;/s);
  await agent.goto(`${house.url}/settings/workings`);
  await agent.getByText('passes no WebSockets').waitFor();
  await agent.getByText('--trusted-proxies 127.0.0.1').waitFor();
  await agent.context().close();
  await house.close();
});
