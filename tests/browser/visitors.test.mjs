// Somebody who comes back: what agents see of his earlier chats, where the site lets
// them, and that opening one leaves the lists as they are.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { accessible, agentWindow, closeBrowser, openChat, openHouse, says, settings, shot, visitorWindow } from './support.mjs';

let house;
before(async () => { house = await openHouse(); });
after(async () => { await closeBrowser(); await house.close(); });

const earlier = (agent) => agent.getByRole('region', { name: /^Earlier chats/ });
const log = (agent) => agent.getByRole('log', { name: 'Messages' });

test('agents see the earlier chats of a browser where the site says so, and open them beside the same list', async () => {
  const page = await visitorWindow(house);
  const panel = await openChat(page);
  await says(page, 'Do you have blue mugs?');
  const agent = await agentWindow(house);
  await agent.getByRole('link', { name: /Do you have blue mugs/ }).click();
  await agent.getByRole('button', { name: 'Resolve', exact: true }).click();
  await panel.getByText(/Ada closed/).waitFor();
  await says(page, 'And plates?');
  await agent.goto(`${house.url}/inbox`);
  await agent.getByRole('link', { name: /And plates/ }).click();
  await log(agent).getByText('And plates?').waitFor();
  assert.equal(await earlier(agent).count(), 0);

  // It comes to the page that is open.
  await settings(house, (it) => it.getByRole('switch', { name: /earlier chats/ }).check());
  const link = earlier(agent).getByRole('link', { name: /Do you have blue mugs/ });
  await link.waitFor();
  await accessible(agent, 'a chat with one before it');
  await shot(agent, 'earlier-light');
  await agent.emulateMedia({ colorScheme: 'dark' });
  await shot(agent, 'earlier-dark');
  await agent.emulateMedia({ colorScheme: 'light' });

  await agent.getByRole('button', { name: 'Resolve', exact: true }).click();
  await agent.goto(`${house.url}/inbox?show=resolved`);
  await agent.locator('[data-list="resolved"]').getByRole('link', { name: /And plates/ }).click();
  await link.focus();
  await agent.keyboard.press('Enter');
  await log(agent).getByText('Do you have blue mugs?').waitFor();
  assert.match(agent.url(), /\?show=resolved$/);
  await agent.locator('[data-list="resolved"]').getByRole('link', { name: /And plates/ }).waitFor();
  assert.equal(await earlier(agent).count(), 0, 'there is none before the first');
  await agent.done();
  await page.done();
});

test('on a phone the earlier chats stand in the fold about the visitor', async () => {
  const agent = await agentWindow(house, { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
  await agent.goto(`${house.url}/inbox?show=resolved`);
  await agent.locator('[data-list="resolved"]').getByRole('link', { name: /And plates/ }).tap();
  await agent.locator('.visitor-fold > summary').tap();
  const link = earlier(agent).getByRole('link', { name: /Do you have blue mugs/ });
  await link.waitFor();
  assert.ok((await link.boundingBox()).height >= 44);
  await link.scrollIntoViewIfNeeded();
  await shot(agent, 'earlier-phone');
  await link.tap();
  await log(agent).getByText('Do you have blue mugs?').waitFor();
  await agent.done();
});
