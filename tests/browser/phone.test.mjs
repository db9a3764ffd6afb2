// The main job between two phones: touch, 390 px, the keyboard on the screen.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { agentWindow, closeBrowser, openChat, openHouse, says, shot, visitorWindow } from './support.mjs';

let house;
before(async () => { house = await openHouse(); });
after(async () => { await closeBrowser(); await house.close(); });

const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };
/** What the keyboard leaves. */
const ABOVE_KEYBOARD = { width: 390, height: 430 };

async function inSight(page, target, what) {
  const box = await target.boundingBox();
  const { width, height } = page.viewportSize();
  assert.ok(box.x >= 0 && box.y >= 0 && box.x + box.width <= width + 1 && box.y + box.height <= height + 1, `${what}: ${JSON.stringify(box)}`);
}

test('a visitor on a phone and an agent on a phone come to an end with each other', async () => {
  const agent = await agentWindow(house, PHONE);
  const visitor = await visitorWindow(house, PHONE);
  await openChat(visitor);
  await visitor.setViewportSize(ABOVE_KEYBOARD);
  const ask = visitor.getByRole('textbox', { name: 'Message' });
  await ask.tap();
  await says(visitor, 'Do you ship to Izmir?');
  await inSight(visitor, ask, 'the box above the keyboard');
  await inSight(visitor, visitor.getByText('Do you ship to Izmir?'), 'the last line above the keyboard');
  await shot(visitor, 'phone-visitor-keyboard');

  await agent.getByRole('link', { name: /Do you ship to Izmir/ }).tap();
  await agent.getByRole('button', { name: 'Join conversation' }).tap();
  const box = agent.getByRole('textbox', { name: 'Message' });
  await box.waitFor();
  await agent.setViewportSize(ABOVE_KEYBOARD);
  await box.fill('We do, in three days.');
  const send = agent.getByRole('button', { name: 'Send', exact: true });
  await inSight(agent, box, 'the box of the agent above the keyboard');
  await inSight(agent, send, 'Send above the keyboard');
  await shot(agent, 'phone-agent-keyboard');
  await send.tap();
  await visitor.getByRole('log', { name: 'Conversation' }).getByText('We do, in three days.').waitFor();
  await agent.setViewportSize(PHONE.viewport);
  await agent.getByRole('button', { name: 'Resolve' }).tap();
  await agent.getByRole('button', { name: 'Reopen' }).waitFor();
  await agent.locator('.thread-back').tap();
  await agent.getByRole('list', { name: 'Resolved' }).getByRole('link', { name: /^Client 1/ }).waitFor();

  await visitor.setViewportSize(PHONE.viewport);
  await visitor.getByRole('button', { name: 'Close chat' }).tap();
  await visitor.getByRole('button', { name: /^Chat/ }).waitFor();
  await visitor.done();
  await agent.done();
});

test('fingers meet no control of the dashboard smaller than 24 px', async () => {
  const agent = await agentWindow(house, PHONE);
  const small = () => agent.locator('a, button, input:not([type=hidden]), select, textarea').evaluateAll((all) => all
    .filter((it) => it.checkVisibility({ visibilityProperty: true }) && !it.closest('.sr-only, .skip, p'))
    // Whoever meets the words beside a switch, meets the switch.
    .map((it) => [it.outerHTML.slice(0, 120), (it.closest('label') ?? it).getBoundingClientRect()])
    .filter(([, box]) => box.width && (box.width < 24 || box.height < 24))
    .map(([html, box]) => `${html} is ${box.width} by ${box.height}`));
  for (const path of ['/inbox', '/inbox?show=resolved', '/me', '/settings/site', '/settings/sites', '/settings/team/1', '/settings/mail', '/settings/team', '/settings/workings']) {
    await agent.goto(house.url + path);
    assert.deepEqual(await small(), [], path);
  }
  await agent.goto(`${house.url}/inbox?show=resolved`);
  await agent.getByRole('link', { name: /^Client 1/ }).tap();
  await agent.getByRole('log', { name: 'Messages' }).waitFor();
  assert.deepEqual(await small(), [], 'a conversation');
  await agent.done();
});
