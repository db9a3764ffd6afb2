// The main job in two windows: a visitor rings, the shop answers.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { agentWindow, closeBrowser, openChat, openHouse, says, shot, visitorWindow } from './support.mjs';

let house;
before(async () => { house = await openHouse(); });
after(async () => { await closeBrowser(); await house.close(); });

test('a visitor writes, an agent joins and answers, both see it at once', async () => {
  const agent = await agentWindow(house);
  const visitor = await visitorWindow(house);
  await openChat(visitor);
  await says(visitor, 'Is the blue mug in stock?');

  const inbox = agent.getByRole('list', { name: 'Inbox' });
  const entry = inbox.getByRole('link', { name: /^Client 1/ });
  await entry.waitFor();
  assert.match(await agent.title(), /^\(1\)/, 'the title counts who waits');
  await entry.click();
  const log = agent.getByRole('log', { name: 'Messages' });
  await log.getByText('Is the blue mug in stock?').waitFor();
  assert.match(await agent.title(), /^\(1\)/, 'to look is not to answer');
  await agent.getByRole('button', { name: 'Join conversation' }).click();
  const conversation = visitor.getByRole('log', { name: 'Conversation' });
  await conversation.getByText('Ada joined the chat').waitFor();
  await shot(agent, 'chat-agent-joined');

  const box = agent.getByRole('textbox', { name: 'Message' });
  await box.waitFor();
  await box.pressSequentially('Yes, ');
  await visitor.getByText('Ada is typing').waitFor();
  await visitor.getByRole('textbox', { name: 'Message' }).pressSequentially('And the gre');
  await agent.getByText('And the gre', { exact: false }).waitFor();
  await shot(agent, 'chat-agent-preview');

  await box.fill('Yes, three of them.');
  await agent.getByRole('button', { name: 'Send', exact: true }).click();
  await conversation.getByText('Yes, three of them.').waitFor();
  await shot(visitor, 'chat-visitor');
  const mine = log.locator('[data-kind="agent"]', { hasText: 'Yes, three of them.' });
  await agent.waitForFunction(() => document.querySelector('[data-kind="agent"]')?.getAttribute('data-tick') === 'seen');
  assert.equal(await mine.count(), 1, 'the answer stands there once');
  await agent.waitForFunction(() => !document.title.startsWith('('));

  await visitor.getByRole('textbox', { name: 'Message' }).fill('');
  await agent.getByRole('button', { name: 'Resolve' }).click();
  await conversation.getByText(/closed the chat/).waitFor();
  await agent.getByRole('button', { name: 'Reopen' }).waitFor();
  await says(visitor, 'One more thing');
  await conversation.getByText('One more thing').waitFor();
  assert.equal(await conversation.getByRole('separator').count(), 1, 'a line below what is over');
  await inbox.getByRole('link', { name: /One more thing/ }).click();
  await log.getByText('One more thing').waitFor();
  assert.equal(await log.getByText('Yes, three of them.').count(), 0, 'a conversation of its own');
  await visitor.done();
  await agent.done();
});

test('a note stays among agents', async () => {
  const agent = await agentWindow(house);
  const visitor = await visitorWindow(house);
  await openChat(visitor);
  await says(visitor, 'Do you sell to cafés?');
  await agent.getByRole('link', { name: /^Client 2/ }).click();
  await agent.getByRole('button', { name: 'Note' }).first().click();
  await agent.getByRole('textbox', { name: 'Message' }).fill('Looks like a reseller');
  await agent.getByRole('button', { name: 'Note' }).last().click();
  await agent.getByRole('log', { name: 'Messages' }).getByText('Looks like a reseller').waitFor();
  await agent.getByRole('button', { name: 'Join conversation' }).click();
  await agent.getByRole('textbox', { name: 'Message' }).fill('We do!');
  await agent.getByRole('button', { name: 'Send', exact: true }).click();
  const conversation = visitor.getByRole('log', { name: 'Conversation' });
  await conversation.getByText('We do!').waitFor();
  assert.equal(await conversation.getByText('reseller').count(), 0);
  await visitor.done();
  await agent.done();
});

test('a restart in the middle of a chat loses nothing on either side', async () => {
  const agent = await agentWindow(house);
  const visitor = await visitorWindow(house);
  await openChat(visitor);
  await says(visitor, 'before the restart');
  await agent.getByRole('link', { name: /^Client 3/ }).click();
  await agent.getByRole('button', { name: 'Join conversation' }).click();
  const box = agent.getByRole('textbox', { name: 'Message' });
  await box.fill('half a sentence');
  await house.stop();
  await says(visitor, 'while you were away');
  await house.start();
  const log = agent.getByRole('log', { name: 'Messages' });
  await log.getByText('while you were away').waitFor({ timeout: 60000 });
  assert.equal(await log.getByText('while you were away').count(), 1);
  assert.equal(await box.inputValue(), 'half a sentence', 'what was typed is still there');
  await box.fill('back again');
  await agent.getByRole('button', { name: 'Send', exact: true }).click();
  const conversation = visitor.getByRole('log', { name: 'Conversation' });
  await conversation.getByText('back again').waitFor({ timeout: 60000 });
  assert.equal(await conversation.getByText('before the restart').count(), 1);
  await visitor.done();
  await agent.done();
});

test('two tabs of one visitor stay in step', async () => {
  const first = await visitorWindow(house);
  await openChat(first);
  await says(first, 'from the first tab');
  const second = await first.context().newPage();
  await second.goto(`${house.url}/demo-shop`);
  await openChat(second);
  const there = second.getByRole('log', { name: 'Conversation' });
  await there.getByText('from the first tab').waitFor();
  await says(second, 'from the second tab');
  const here = first.getByRole('log', { name: 'Conversation' });
  await here.getByText('from the second tab').waitFor();
  assert.equal(await here.getByText('from the second tab').count(), 1);
  assert.equal(await there.getByText('from the second tab').count(), 1);
  await first.done();
});

test('a reload brings the conversation back', async () => {
  const visitor = await visitorWindow(house);
  await openChat(visitor);
  await says(visitor, 'remember me');
  await visitor.getByRole('log', { name: 'Conversation' }).getByText('remember me').waitFor();
  await visitor.reload();
  await visitor.getByRole('button', { name: /^Chat/ }).click();
  await visitor.getByRole('log', { name: 'Conversation' }).getByText('remember me').waitFor();
  await visitor.done();
});

test('what is written offline goes out when the network is back', async () => {
  const visitor = await visitorWindow(house);
  await openChat(visitor);
  await says(visitor, 'online');
  const log = visitor.getByRole('log', { name: 'Conversation' });
  await log.getByText('online').waitFor();
  await visitor.context().setOffline(true);
  await says(visitor, 'written in a tunnel');
  await log.getByText('written in a tunnel').waitFor();
  const agent = await agentWindow(house);
  assert.equal(await agent.getByText('written in a tunnel').count(), 0);
  await visitor.context().setOffline(false);
  await agent.getByText('written in a tunnel').waitFor();
  await agent.done();
  await visitor.done();
});

test('beside a link that reads otherwise stands where it leads, for the visitor as for the agent', async () => {
  // What is written, and what is to be read behind it.
  const addresses = [
    ['https://b\u0430nk.example/in', ' (xn--bnk-6cd.example)'],
    ['https://bank.example@evil.example/', ' (evil.example)'],
    ['https://bank\u3002evil.example', ' (bank.evil.example)'],
    ['https://bank.example:80@evil.example/', ' (evil.example)'],
    ['https://mugs.example/a?b@c#d', ''],
    ['https://MUGS.example:8080', ''],
    ['http://127.0.0.1/', ''],
    ['https://[::1]:8443/', ''],
  ];
  const agent = await agentWindow(house);
  const visitor = await visitorWindow(house);
  await openChat(visitor);
  const asked = addresses.map(([it]) => 'see ' + it).join('\n');
  const shown = addresses.map(([it, host]) => 'see ' + it + host).join('\n');
  await says(visitor, asked);
  const conversation = visitor.getByRole('log', { name: 'Conversation' });
  const bubble = conversation.locator('.bubble');
  assert.equal(await bubble.textContent(), shown, 'what he wrote himself');
  const rel = await bubble.locator('a').evaluateAll((all) => all.map((it) => it.rel));
  assert.deepEqual(rel, addresses.map(() => 'nofollow noopener noreferrer'));

  await agent.getByRole('link', { name: /see https/ }).click();
  const body = agent.getByRole('log', { name: 'Messages' }).locator('.message-body');
  await body.waitFor();
  assert.equal(await body.textContent(), shown, 'the agents read the same');
  await agent.getByRole('button', { name: 'Join conversation' }).click();
  await agent.getByRole('textbox', { name: 'Message' }).fill('Pay at https://b\u0430nk.example, not at https://bank.example.');
  await agent.getByRole('button', { name: 'Send', exact: true }).click();
  await conversation.getByText('Pay at').waitFor();
  const answer = 'Pay at https://b\u0430nk.example (xn--bnk-6cd.example), not at https://bank.example.';
  assert.equal(await bubble.last().textContent(), answer, 'what he is answered');
  await visitor.reload();
  await visitor.getByRole('button', { name: /^Chat/ }).click();
  await conversation.getByText('Pay at').waitFor();
  assert.deepEqual(await bubble.allTextContents(), [shown, answer], 'and after a reload');
  await visitor.done();
  await agent.done();
});
