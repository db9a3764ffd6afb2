// Lists that are longer than a page: they stay where they are while somebody works
// through them.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { agentWindow, closeBrowser, openHouse, stranger } from './support.mjs';

const MANY = 120;

let house;
before(async () => {
  house = await openHouse({ args: ['--trusted-proxies', '127.0.0.1'] });
  for (let n = 0; n < MANY; n += 1) await (await stranger(house)).writes(`question number ${n}.`);
});
after(async () => { await closeBrowser(); await house.close(); });

const listed = (agent, list) => agent.locator(`[data-list="${list}"] > .row`);
const far = (agent) => agent.locator('.lists').evaluate((it) => it.scrollTop);
const more = async (agent, list, count) => {
  await agent.locator('.list', { has: agent.locator(`[data-list="${list}"]`) }).locator('[data-more]').click();
  await listed(agent, list).nth(count - 1).waitFor({ state: 'attached' });
};
/** Once the lists are as long as that, and as far down. */
const stands = (agent, list, count, top) => agent.waitForFunction(([name, rows, far]) => {
  const column = document.querySelector('.lists');
  return document.querySelectorAll(`[data-list="${name}"] > .row`).length === rows && Math.abs(column.scrollTop - far) < 2;
}, [list, count, top]);

test('a chat that is opened far down leaves its list where it was, as does the way back', async () => {
  const agent = await agentWindow(house);
  await more(agent, 'inbox', 100);
  const row = agent.getByRole('link', { name: /question number 80\./ });
  await row.scrollIntoViewIfNeeded();
  const top = await far(agent);
  assert.ok(top > 3000, `far down: ${top}`);
  await row.click();
  await agent.waitForURL(/inbox\/c_/);
  await stands(agent, 'inbox', 100, top);
  assert.equal(await row.getAttribute('aria-current'), 'page');

  const next = agent.getByRole('link', { name: /question number 82\./ });
  await next.click();
  await agent.getByRole('log', { name: 'Messages' }).getByText('question number 82.').waitFor();
  await stands(agent, 'inbox', 100, await far(agent));
  assert.ok(await far(agent) > 3000);

  await agent.goBack();
  await agent.getByRole('log', { name: 'Messages' }).getByText('question number 80.').waitFor();
  await stands(agent, 'inbox', 100, top);
  await agent.done();
});

test('on a phone, “Back” leads to where the list was', async () => {
  const agent = await agentWindow(house, { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
  await more(agent, 'inbox', 100);
  const row = agent.getByRole('link', { name: /question number 80\./ });
  await row.scrollIntoViewIfNeeded();
  const top = await far(agent);
  await row.tap();
  await agent.getByRole('log', { name: 'Messages' }).getByText('question number 80.').waitFor();
  await agent.locator('.thread-back').tap();
  await row.waitFor();
  await stands(agent, 'inbox', 100, top);
  await agent.done();
});

test('a page that is fetched afresh keeps its lists as long and as far down as they were', async () => {
  const agent = await agentWindow(house);
  let socket;
  await agent.routeWebSocket(/\/live/, (it) => { it.connectToServer(); socket = it; });
  await agent.goto(`${house.url}/inbox`);
  await more(agent, 'inbox', 100);
  const row = agent.getByRole('link', { name: /question number 80\./ });
  await row.scrollIntoViewIfNeeded();
  await row.focus();
  const top = await far(agent);
  await listed(agent, 'inbox').first().evaluate((it) => { it.dataset.old = ''; });
  // As the server says where it cannot tell what was missed.
  socket.send('{"t":"reload"}');
  await agent.waitForFunction(() => !document.querySelector('[data-old]'));
  await stands(agent, 'inbox', 100, top);
  assert.ok(await row.evaluate((it) => it === document.activeElement), 'who stands on an entry stays there');
  await agent.done();
});
