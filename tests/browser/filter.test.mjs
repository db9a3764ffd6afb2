// Lists that are narrowed: by a form, by an address, and while they are open.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { accessible, agentWindow, closeBrowser, openHouse, shot, stranger, window } from './support.mjs';

let house;
let plates;
const writes = async (site, body) => (await stranger(house, site)).writes(body);

before(async () => {
  house = await openHouse({ args: ['--trusted-proxies', '127.0.0.1'] });
  const owner = await agentWindow(house);
  await owner.goto(`${house.url}/settings/sites`);
  await owner.locator('#shop').fill('Plates & Co');
  await owner.locator('.settings form button').last().click();
  await owner.waitForURL(/settings\/sites\/[\w-]+/);
  [, plates] = /settings\/sites\/([\w-]+)/.exec(owner.url());
  await owner.done();
  await writes(house.site, 'a mug, please.');
  await writes(plates, 'a plate, please.');
});
after(async () => { await closeBrowser(); await house.close(); });

const entry = (agent, words) => agent.locator('.row', { hasText: words });

test('an agent narrows the lists by a form, works in them, and is without it by one click', async () => {
  const agent = await agentWindow(house);
  await entry(agent, 'a mug').waitFor();
  await agent.getByRole('button', { name: 'Filter', exact: true }).click();
  const sheet = agent.getByRole('dialog', { name: 'What the lists show' });
  await sheet.getByLabel('Site', { exact: true }).selectOption({ label: 'Plates & Co' });
  await sheet.getByLabel('Answered by').selectOption({ label: 'Nobody' });
  await accessible(agent, 'the form');
  await shot(agent, 'filter-form-1280');
  await sheet.getByRole('button', { name: 'Show' }).click();
  await agent.waitForURL(/\?/);
  assert.equal(new URL(agent.url()).search, `?site=${plates}&agent=nobody`);
  assert.equal(await agent.locator('.row').count(), 1);

  // What does not match does not come in; what matches does.
  await writes(house.site, 'another mug, please.');
  await writes(plates, 'another plate, please.');
  await entry(agent, 'another plate').waitFor();
  assert.equal(await agent.locator('.row').count(), 2);
  await accessible(agent, 'a narrowed list');
  await shot(agent, 'filter-list-1280');

  await entry(agent, 'another plate').getByRole('link').click();
  await agent.waitForURL(/inbox\/c_.*site=/);
  assert.equal(await agent.locator('.row').count(), 2);
  // Whoever joins is responsible, so it is no longer nobody's.
  await agent.getByRole('button', { name: 'Join conversation' }).click();
  await entry(agent, 'another plate').waitFor({ state: 'detached' });

  await agent.getByRole('link', { name: 'Remove “Answered by: Nobody”' }).click();
  await entry(agent, 'another plate').waitFor();
  assert.equal(await agent.locator('.row').count(), 2);
  await agent.getByRole('link', { name: 'Clear' }).click();
  await entry(agent, 'another mug').waitFor();
  assert.equal(await agent.locator('.row').count(), 4);
  await agent.done();
});

test('on a phone an agent switches to one site, opens a chat, and goes back to that site', async () => {
  const phone = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, colorScheme: 'dark' };
  const agent = await agentWindow(house, phone);
  await agent.locator('.lists-switch').tap();
  const menu = agent.getByRole('navigation', { name: 'Switch site' });
  await shot(agent, 'filter-menu-390-dark');
  await menu.getByRole('link', { name: /^Plates/ }).tap();
  await agent.waitForURL(/site=/);
  assert.equal(await agent.getByRole('heading', { level: 1 }).innerText(), 'Plates & Co');
  await entry(agent, 'a plate').tap();
  await agent.getByRole('log', { name: 'Messages' }).getByText('a plate, please.').waitFor();
  // The header was drawn afresh for everybody, and still leads back to this site.
  await agent.getByRole('button', { name: 'Resolve' }).tap();
  await agent.getByRole('button', { name: 'Reopen' }).tap();
  await agent.getByRole('button', { name: 'Resolve' }).waitFor();
  await agent.locator('.thread-back').tap();
  await agent.waitForURL(/inbox\?site=/);
  await entry(agent, 'a plate').waitFor();
  assert.equal(await entry(agent, 'mug').count(), 0);
  const wide = await agent.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(wide <= 390, `${wide} pixels wide`);
  await agent.getByRole('button', { name: 'Filter', exact: true }).tap();
  await shot(agent, 'filter-form-390-dark');
  await accessible(agent, 'on a phone');
  await agent.done();
});

test('a filter that hides everything says so, also to whoever has no scripts', async () => {
  const agent = await agentWindow(house);
  const state = await agent.context().storageState();
  await agent.done();
  const plain = await window({ javaScriptEnabled: false, storageState: state, locale: 'fr' });
  await plain.goto(`${house.url}/inbox?from=2000-01-01&to=2000-01-02`);
  await plain.getByText('Nothing here matches the filter.').first().waitFor();
  assert.equal(await plain.getByText('Nobody is waiting').count(), 0);
  await plain.getByRole('button', { name: 'Filter', exact: true }).click();
  await plain.getByLabel('From', { exact: true }).fill('');
  await plain.getByLabel('To', { exact: true }).fill('');
  await plain.getByRole('button', { name: 'Show' }).click();
  await entry(plain, 'a mug').waitFor();
  await plain.context().close();
});
