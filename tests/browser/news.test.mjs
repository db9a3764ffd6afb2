// What is put, set and taken away on open pages: no page is loaded again, no
// socket closed.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { agentWindow, closeBrowser, openChat, openHouse, says, settings, visitorWindow } from './support.mjs';

let house;
before(async () => { house = await openHouse(); });
after(async () => { await closeBrowser(); await house.close(); });

test('an open chat takes on a new name and look, and its socket stays open', async () => {
  const visitor = await visitorWindow(house);
  const sockets = [];
  visitor.on('websocket', (it) => sockets.push(it));
  const connected = visitor.waitForEvent('websocket');
  const panel = await openChat(visitor);
  await says(visitor, 'Is the blue mug in stock?');
  await (await connected).waitForEvent('framereceived');

  await settings(house, async (agent) => {
    await agent.locator('[name="shop"]').fill('Teapots & More');
    await agent.locator('[name="color"]').fill('#aa3300');
    await agent.locator('[name="position"][value="start"]').check();
  });
  await panel.getByRole('heading', { name: 'Teapots & More' }).waitFor();
  assert.equal(await panel.getAttribute('aria-label'), 'Teapots & More');
  const looks = await panel.evaluate((it) => {
    const launcher = it.getRootNode().querySelector('#launcher');
    const head = it.querySelector('.head');
    return [getComputedStyle(launcher).color, getComputedStyle(head).backgroundColor, launcher.className, it.className];
  });
  assert.deepEqual(looks, ['rgb(170, 51, 0)', 'rgb(170, 51, 0)', 'start', 'panel start']);
  await panel.getByText('Is the blue mug in stock?').waitFor();
  assert.deepEqual(sockets.map((it) => it.isClosed()), [false]);
  await visitor.done();
});

test('what the page of the shop decides itself stays as it is', async () => {
  const visitor = await visitorWindow(house);
  await visitor.evaluate(() => globalThis.shopbell('init', { color: '#004488' }));
  const connected = visitor.waitForEvent('websocket');
  const panel = await openChat(visitor);
  await says(visitor, 'Hello');
  await (await connected).waitForEvent('framereceived');
  await settings(house, async (agent) => {
    await agent.locator('[name="shop"]').fill('Kettles');
    await agent.locator('[name="color"]').fill('#663399');
  });
  await panel.getByRole('heading', { name: 'Kettles' }).waitFor();
  const color = await panel.evaluate((it) => getComputedStyle(it.querySelector('.head')).backgroundColor);
  assert.equal(color, 'rgb(0, 68, 136)');
  await visitor.done();
});

test('what is taken away leaves the lists and the log, and old news takes nothing away', async () => {
  const visitor = await visitorWindow(house);
  await openChat(visitor);
  await says(visitor, 'first');
  await says(visitor, 'second');
  const agent = await agentWindow(house);
  await agent.getByRole('link', { name: /second/ }).click();
  const log = agent.getByRole('log', { name: 'Messages' });
  await log.getByText('second').waitFor();
  const left = await agent.evaluate(async () => {
    const loaded = performance.getEntriesByType('resource').map((it) => it.name);
    const { apply } = await import(loaded.find((it) => /admin\/live[^/]*\.js/.test(it)));
    const view = document.body.dataset.view;
    const lines = () => [...document.querySelectorAll('#log [data-kind="visitor"]')].map((it) => it.id);
    const rows = () => document.querySelectorAll(`#c-${view}`).length;
    const remove = (list, id, seq) => apply([{ op: 'remove', seq, list, id }]);
    const [first, second] = lines();
    document.getElementById(first).dataset.seq = '9';
    remove(`log-${view}`, first, 8);
    remove('log-another', second, 1e9);
    const kept = lines().length;
    remove(`log-${view}`, first, 10);
    const before = rows();
    remove('conversations', `c-${view}`, 1e9);
    return { kept, lines: lines().length, before, after: rows() };
  });
  assert.deepEqual(left, { kept: 2, lines: 1, before: 1, after: 0 });
  await visitor.done();
  await agent.done();
});
