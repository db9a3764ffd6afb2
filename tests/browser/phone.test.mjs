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

test('what an agent on a phone is told of his deed covers nothing, with the keyboard on the screen or without', async () => {
  const agent = await agentWindow(house, PHONE);
  const visitor = await visitorWindow(house, PHONE);
  await openChat(visitor);
  await says(visitor, 'Is the blue mug back?');
  await agent.getByRole('link', { name: /Is the blue mug back/ }).tap();
  await agent.getByRole('button', { name: 'Join conversation' }).tap();
  const box = agent.getByRole('textbox', { name: 'Message' });
  await box.waitFor();
  for (const size of [PHONE.viewport, ABOVE_KEYBOARD]) {
    await agent.setViewportSize(size);
    for (const [deed, after] of [['No reply needed', 'Needs a reply'], ['Resolve', 'Reopen']]) {
      await agent.getByRole('button', { name: deed }).tap();
      const told = agent.locator('.toast');
      await told.waitFor();
      await agent.getByRole('button', { name: after }).waitFor();
      await agent.evaluate(() => new Promise(requestAnimationFrame));
      await inSight(agent, told, 'the toast');
      const over = await told.evaluate((it) => {
        const { x, y, width, height } = it.getBoundingClientRect();
        const points = [0, 1, 2, 3, 4].flatMap((n) => [0.1, 0.5, 0.9].map((m) => [x + (n * width) / 4, y + m * height]));
        const below = ([left, top]) => document.elementsFromPoint(left, top)
          .filter((other) => !it.contains(other) && other.closest('.page'))
          .map((other) => other.className);
        return [...new Set(points.flatMap(below))];
      });
      assert.deepEqual(over, [], `after “${deed}”, at ${size.height} px, the toast covers this`);
      await shot(agent, `phone-toast-${size.height}-${after.replace(' ', '-')}`);
      await told.getByRole('button', { name: 'Undo' }).tap();
      await agent.getByRole('button', { name: deed }).waitFor();
    }
    await inSight(agent, box, 'the box');
  }
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
  for (const path of ['/inbox', '/inbox?show=resolved', '/me', '/settings/site', '/settings/sites', '/settings/team/1', '/settings/mail', '/settings/team', '/settings/ratings', '/settings/workings']) {
    await agent.goto(house.url + path);
    assert.deepEqual(await small(), [], path);
  }
  await agent.goto(`${house.url}/inbox?show=resolved`);
  await agent.getByRole('link', { name: /^Client 1/ }).tap();
  await agent.getByRole('log', { name: 'Messages' }).waitFor();
  assert.deepEqual(await small(), [], 'a conversation');
  await agent.done();
});
