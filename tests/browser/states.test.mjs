// Accessibility in every state that a conversation goes through, light and dark,
// on a desk and on a phone: the pages themselves are looked at in `pages`.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { accessible, agentWindow, closeBrowser, openChat, openHouse, says, shot, visitorWindow } from './support.mjs';

let house;
before(async () => { house = await openHouse(); });
after(async () => { await closeBrowser(); await house.close(); });

const DRESSES = [['light', 1280], ['dark', 1280], ['light', 390], ['dark', 390]];

for (const [colorScheme, width] of DRESSES) {
  const dress = `${colorScheme}, ${width} px`;
  const options = { colorScheme, viewport: { width, height: 844 } };

  test(`a conversation has no accessibility violation from the first line to the last, ${dress}`, async () => {
    const agent = await agentWindow(house, options);
    const visitor = await visitorWindow(house, options);
    const look = async (state) => {
      for (const [who, page] of [['agent', agent], ['visitor', visitor]]) {
        await accessible(page, `${state}, ${who}, ${dress}`);
        const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        assert.ok(over <= 0, `${state}, ${who}, ${dress}: ${over} px too wide`);
        await shot(page, `state-${state}-${who}-${colorScheme}-${width}`.replace(/ /g, '-'));
      }
    };
    await openChat(visitor);
    const hello = `A cup, ${dress}`;
    await says(visitor, hello);
    const entry = agent.getByRole('link', { name: new RegExp(hello) });
    await entry.waitFor();
    await look('waiting in the inbox');
    await entry.click();
    await agent.getByRole('button', { name: 'Join conversation' }).waitFor();
    await look('opened');
    await agent.getByRole('button', { name: 'Join conversation' }).click();
    await visitor.getByText('Ada joined the chat').waitFor();
    const box = agent.getByRole('textbox', { name: 'Message' });
    await box.waitFor();
    await visitor.getByRole('textbox', { name: 'Message' }).pressSequentially('Perhaps blue');
    await agent.getByText('Perhaps blue').first().waitFor();
    await look('previewed');
    await box.fill('See https://mugs.example/blue, it is the last one.');
    await agent.getByRole('button', { name: 'Send', exact: true }).click();
    await visitor.getByRole('log', { name: 'Conversation' }).getByRole('link', { name: /mugs\.example/ }).waitFor();
    const link = agent.getByRole('log', { name: 'Messages' }).getByRole('link', { name: 'https://mugs.example/blue', exact: true });
    assert.equal(await link.getAttribute('href'), 'https://mugs.example/blue');
    // While a note is written, the button says what it does.
    await box.fill('');
    await agent.getByRole('button', { name: 'Note' }).last().click();
    await agent.getByRole('button', { name: 'Add note' }).waitFor();
    assert.equal(await agent.getByRole('button', { name: 'Send', exact: true }).count(), 0);
    await box.fill('Seems to be in a hurry');
    await agent.getByRole('button', { name: 'Add note' }).click();
    await agent.locator('[data-kind="note"]', { hasText: 'in a hurry' }).waitFor();
    await look('answered');
    await agent.getByRole('button', { name: 'Send transcript' }).click();
    await agent.getByRole('dialog').waitFor();
    await look('transcript asked for');
    await agent.keyboard.press('Escape');
    await agent.getByRole('dialog').waitFor({ state: 'hidden' });
    await visitor.getByRole('textbox', { name: 'Message' }).fill('');
    await agent.getByRole('button', { name: 'Resolve' }).click();
    await agent.getByRole('button', { name: 'Reopen' }).waitFor();
    await visitor.getByText(/closed the chat/).waitFor();
    await look('resolved');
    await visitor.done();
    await agent.done();
  });

  test(`trouble has no accessibility violation, ${dress}`, async () => {
    const agent = await agentWindow(house, options);
    const visitor = await visitorWindow(house, options);
    await openChat(visitor);
    const hello = `Trouble, ${dress}`;
    await says(visitor, hello);
    await agent.getByRole('link', { name: new RegExp(hello) }).click();
    await agent.getByRole('button', { name: 'Join conversation' }).click();
    await visitor.getByText('Ada joined the chat').waitFor();
    await agent.getByRole('textbox', { name: 'Message' }).waitFor();

    await visitor.getByRole('button', { name: 'Close chat' }).click();
    await agent.getByRole('textbox', { name: 'Message' }).fill('Still there?');
    await agent.getByRole('button', { name: 'Send', exact: true }).click();
    await visitor.getByRole('button', { name: /New messages: 1/ }).waitFor();
    await accessible(visitor, `unread, ${dress}`);
    await shot(visitor, `state-unread-visitor-${colorScheme}-${width}`);
    await openChat(visitor);

    await visitor.context().setOffline(true);
    await agent.context().setOffline(true);
    await says(visitor, 'from the cellar');
    await visitor.getByText('No connection').waitFor();
    await accessible(visitor, `offline, visitor, ${dress}`);
    await shot(visitor, `state-offline-visitor-${colorScheme}-${width}`);
    await agent.getByRole('textbox', { name: 'Message' }).fill('from the lift');
    await agent.getByRole('button', { name: 'Send', exact: true }).click();
    await agent.getByRole('log', { name: 'Messages' }).getByRole('button', { name: /again/i }).waitFor();
    await agent.locator('#banner-offline').waitFor();
    await accessible(agent, `offline, agent, ${dress}`);
    await shot(agent, `state-offline-agent-${colorScheme}-${width}`);
    await agent.context().setOffline(false);
    await visitor.context().setOffline(false);
    await agent.getByRole('log', { name: 'Messages' }).getByText('from the cellar').waitFor();

    await visitor.route('**/w/v1/messages', (route) => route.fulfill({
      status: 422, contentType: 'application/problem+json', body: '{"detail":"Not like this, please."}', headers: { 'access-control-allow-origin': '*' },
    }));
    await says(visitor, 'refused');
    await visitor.getByText('Not like this, please.').waitFor();
    await accessible(visitor, `refused, visitor, ${dress}`);
    await shot(visitor, `state-refused-visitor-${colorScheme}-${width}`);
    await visitor.done();
    await agent.done();
  });
}
