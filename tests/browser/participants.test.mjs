// Two agents in one chat: who comes, who is responsible, who leaves; and what the
// visitor is told of it.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { accessible, agentWindow, closeBrowser, openChat, openHouse, says, shot, visitorWindow, window } from './support.mjs';

const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };
const BEN = ['ben@mugs.example', 'the password of ben'];

let house;
before(async () => {
  house = await openHouse();
  const agent = await agentWindow(house);
  await agent.goto(`${house.url}/settings/team`);
  await agent.locator('#name').fill('Ben');
  await agent.locator('#email').fill(BEN[0]);
  await agent.locator('form[action="/settings/team"] button').last().click();
  const link = await agent.locator('#invite-link').inputValue();
  const ben = await window();
  await ben.goto(link);
  await ben.locator('#password').fill(BEN[1]);
  await ben.locator('form button').first().click();
  await ben.waitForURL(/\/inbox/);
  await ben.done();
  await agent.done();
});
after(async () => { await closeBrowser(); await house.close(); });

/** A visitor who has written, and Ada's page with his chat. */
async function asked(question, options = {}) {
  const visitor = await visitorWindow(house);
  const panel = await openChat(visitor);
  await says(visitor, question);
  const ada = await agentWindow(house, options);
  await ada.getByRole('link', { name: new RegExp(question) }).click();
  await ada.getByRole('log', { name: 'Messages' }).getByText(question).waitFor();
  return { visitor, panel, ada, address: ada.url() };
}

const here = (page, words) => page.getByRole('button', { name: words, exact: true });
const listed = (page, name, question) => page.getByRole('list', { name }).getByRole('link', { name: new RegExp(question) });

test('two agents help one visitor, one takes over and one leaves, and everybody hears of it', async () => {
  const question = 'Which of you knows glazes';
  const { visitor, panel, ada, address } = await asked(question);
  await ada.getByRole('button', { name: 'Join conversation' }).click();
  await here(ada, 'Assigned to Ada').waitFor();
  assert.ok(await ada.locator('.join').isHidden());
  await says(ada, 'I do, a little.');
  await panel.getByText('Ada answers this chat').waitFor();

  // Whoever comes second chooses: help, or take over.
  const ben = await agentWindow(house, PHONE, ...BEN);
  await ben.goto(address);
  await ben.getByText('A colleague answers here. Join to help, or take over.').waitFor();
  await shot(ben, 'participants-phone-taken');
  await ben.getByRole('button', { name: 'Join conversation' }).tap();
  await ben.getByRole('textbox', { name: 'Message' }).waitFor();
  await here(ada, 'Assigned to Ada · also here: Ben').waitFor();
  await panel.getByText('Ben joined the chat').waitFor();
  await says(ben, 'And I know the rest.');
  await listed(ada, 'My chats', 'And I know the rest').waitFor();

  await here(ben, 'Assigned to Ada · also here: Ben').tap();
  assert.equal(await ben.locator('.here-names').innerText(), 'Ada, Ben', 'on a phone the names alone');
  const sheet = ben.getByRole('dialog', { name: 'In this chat' });
  await sheet.waitFor();
  await accessible(ben, 'the sheet on a phone');
  await shot(ben, 'participants-phone-sheet');
  await sheet.getByRole('button', { name: 'Take over' }).tap();
  await sheet.waitFor({ state: 'hidden' });
  await here(ada, 'Assigned to Ben · also here: Ada').waitFor();
  assert.ok(await ada.getByRole('textbox', { name: 'Message' }).isVisible(), 'she stays');
  await shot(ada, 'participants-two');

  // By keyboard alone.
  await here(ada, 'Assigned to Ben · also here: Ada').focus();
  await ada.keyboard.press('Enter');
  const own = ada.getByRole('dialog', { name: 'In this chat' });
  await own.waitFor();
  await shot(ada, 'participants-sheet');
  assert.ok(await own.getByRole('button', { name: 'Take over' }).isVisible());
  await own.getByRole('button', { name: 'Leave' }).focus();
  await ada.keyboard.press('Enter');
  await here(ada, 'Assigned to Ben').waitFor();
  assert.ok(await ada.getByRole('textbox', { name: 'Message' }).isHidden());
  await listed(ada, 'Inbox', 'And I know the rest').waitFor();
  await panel.getByText('Ada left the chat').waitFor();
  await panel.getByText('Ben answers this chat').waitFor();
  await ada.getByText(/^You left the chat with Client/).waitFor();
  await shot(ada, 'participants-left');
  await ada.getByRole('button', { name: 'Undo' }).click();
  await here(ada, 'Assigned to Ben · also here: Ada').waitFor();
  await ada.getByRole('textbox', { name: 'Message' }).waitFor();
  await listed(ada, 'My chats', 'And I know the rest').waitFor();

  // What was his goes to her, and what was hers to nobody.
  await here(ben, 'Assigned to Ben · also here: Ada').tap();
  assert.ok(await sheet.getByRole('button', { name: 'Take over' }).isHidden());
  await sheet.getByRole('button', { name: 'Leave' }).tap();
  await here(ada, 'Assigned to Ada').waitFor();
  await panel.getByText('Ada answers this chat').waitFor();
  await here(ada, 'Assigned to Ada').click();
  await own.getByRole('button', { name: 'Leave' }).click();
  await ada.getByText('Nobody has joined yet').waitFor();
  await panel.getByText('Ada answers this chat').waitFor({ state: 'hidden' });
  await shot(ada, 'participants-nobody');
  await visitor.done();
  await ben.done();
  await ada.done();
});

test('without a script the same can be done', async () => {
  const question = 'No script at all';
  const { visitor, ada, address } = await asked(question);
  await ada.getByRole('button', { name: 'Join conversation' }).click();
  await here(ada, 'Assigned to Ada').waitFor();
  const ben = await agentWindow(house, { javaScriptEnabled: false }, ...BEN);
  await ben.goto(address);
  await ben.getByRole('button', { name: 'Take over' }).click();
  await here(ben, 'Assigned to Ben · also here: Ada').waitFor();
  await here(ada, 'Assigned to Ben · also here: Ada').waitFor();
  await here(ben, 'Assigned to Ben · also here: Ada').click();
  await ben.getByRole('dialog', { name: 'In this chat' }).getByRole('button', { name: 'Leave' }).click();
  await here(ben, 'Assigned to Ada').waitFor();
  await here(ada, 'Assigned to Ada').waitFor();
  await visitor.done();
  await ben.done();
  await ada.done();
});
