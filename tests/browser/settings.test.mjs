// What was saved by mistake is put back, with the keyboard, in every dress, and
// without scripts.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { accessible, agentWindow, closeBrowser, openDemo, shot } from './support.mjs';

let demo;
before(async () => { demo = await openDemo(); });
after(async () => { await closeBrowser(); await demo.close(); });

const signIn = (options) => agentWindow(demo, options, demo.email, demo.password);

async function saves(agent, name) {
  await agent.goto(`${demo.url}/settings/site`);
  const before = await agent.locator('#shop').inputValue();
  await agent.locator('#shop').fill(name);
  await agent.locator('.save-bar button').click();
  await agent.waitForURL(/done=saved/);
  return before;
}

for (const [scheme, width] of [['light', 1280], ['dark', 390]]) {
  test(`a site saved by mistake is put back with the keyboard, ${scheme}, ${width} px`, async () => {
    const agent = await signIn({ colorScheme: scheme, viewport: { width, height: 844 } });
    const before = await saves(agent, `Cups ${width}`);
    assert.equal(await agent.getByRole('status').filter({ hasText: 'Saved.' }).count(), 1);
    await accessible(agent, `saved ${scheme} ${width}`);
    await shot(agent, `saved-${scheme}-${width}`);
    await agent.getByRole('button', { name: 'Undo' }).press('Enter');
    await agent.getByText('It is as it was before.').waitFor();
    assert.equal(await agent.locator('#shop').inputValue(), before);
    await accessible(agent, `undone ${scheme} ${width}`);
    await shot(agent, `undone-${scheme}-${width}`);
    await agent.getByRole('button', { name: 'Redo' }).click();
    await agent.waitForURL(/done=saved/);
    assert.equal(await agent.locator('#shop').inputValue(), `Cups ${width}`);
    await agent.done();
  });
}

test('a colleague has saved something since: nothing is put back, and the form says so', async () => {
  const mine = await signIn({ viewport: { width: 390, height: 844 } });
  await saves(mine, 'Cups');
  const colleague = await agentWindow(demo, {}, 'marc@mugs.example', demo.password);
  await saves(colleague, 'Bowls');
  await mine.getByRole('button', { name: 'Undo' }).click();
  await mine.getByText('Somebody has saved something else since.').first().waitFor();
  await accessible(mine, 'overtaken');
  await shot(mine, 'overtaken-390');
  await mine.goto(`${demo.url}/settings/site`);
  assert.equal(await mine.locator('#shop').inputValue(), 'Bowls');
  await colleague.done();
  await mine.done();
});

test('without scripts, and in Russian, too', async () => {
  const agent = await signIn({ javaScriptEnabled: false, viewport: { width: 390, height: 844 } });
  await agent.goto(`${demo.url}/me`);
  await agent.locator('#lang').selectOption('ru');
  await agent.locator('form[action="/me/profile"] button').click();
  await agent.waitForURL(/done=saved/);
  await shot(agent, 'saved-ru-390');
  await agent.getByRole('button', { name: 'Отменить' }).click();
  await agent.waitForURL(/done=undone/);
  assert.equal(await agent.locator('html').getAttribute('lang'), 'en');
  await agent.done();
});
