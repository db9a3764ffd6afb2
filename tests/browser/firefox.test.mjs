// The same program in Firefox: what it does its own way is not seen in Chromium.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import { launchFirefox } from './firefox.mjs';
import { OWNER, PASSWORD, openHouse, openShop } from './support.mjs';

const has = (command) => { try { execFileSync('sh', ['-c', `command -v ${command}`]); return true; } catch { return false; } };
const skip = !has('firefox-esr') && 'there is no Firefox here';

let house;
let shop;
let firefox;
before(async () => {
  if (skip) return;
  house = await openHouse();
  shop = await openShop({ body: `<h1>Mugs</h1><script async src="${house.url}/w.js" data-site="${house.site}"></script>` });
  firefox = await launchFirefox();
});
after(async () => {
  if (skip) return;
  await firefox.close();
  await shop.close();
  await house.close();
});

async function says(page, box, text) {
  await page.clicks('textarea', box);
  await page.types(`${text}\uE007`);
}

test('a visitor and an agent come to an end with each other, in two windows of Firefox', { skip }, async () => {
  const [visitor, agent] = [await firefox.window(), await firefox.window()];
  await agent.goto(`${house.url}/login`);
  await agent.clicks('#email', '');
  await agent.types(OWNER);
  await agent.clicks('#password', '');
  await agent.types(`${PASSWORD}\uE007`);
  await agent.until('location.pathname === "/inbox"');

  await visitor.goto(shop.url);
  await visitor.clicks('#launcher', 'Chat with us');
  await says(visitor, 'Message', 'Do you wrap gifts?');
  await visitor.sees('.sent', 'Do you wrap gifts?');
  await agent.clicks('.row a', 'Do you wrap gifts?');
  await agent.clicks('button', 'Join conversation');
  await visitor.sees('.system', 'Ada joined the chat');
  await says(agent, '', 'We do, and for nothing.');
  await visitor.sees('.agent', 'We do, and for nothing.');
  await agent.sees('[data-tick="seen"]', 'We do, and for nothing.');
  await says(visitor, 'Message', 'Lovely.');
  await agent.sees('[data-kind="visitor"]', 'Lovely.');
  await agent.clicks('button', 'Resolve');
  await visitor.sees('.system', 'Ada closed the chat');
  assert.deepEqual([visitor.faults, agent.faults], [[], []], 'the pages ran without faults');
});

test('in Firefox, a part of the chat that did not load once is asked for by another name', { skip }, async () => {
  const page = await firefox.window();
  const asked = await page.failsOnce(/widget\/panel\./);
  await page.goto(shop.url);
  await page.clicks('#launcher', 'Chat with us');
  await page.clicks('#launcher', 'Chat is unavailable now');
  await page.sees('textarea', 'Message');
  assert.equal(asked.length, 2);
  assert.equal(new Set(asked).size, 2, `by a new name: ${asked}`);
});

test('in Firefox, the palette finds a chat by keyboard, also after it did not load once', { skip }, async () => {
  const agent = await firefox.window();
  await agent.goto(`${house.url}/login`);
  await agent.clicks('#email', '');
  await agent.types(OWNER);
  await agent.clicks('#password', '');
  await agent.types(`${PASSWORD}\uE007`);
  await agent.until('location.pathname === "/inbox"');
  await agent.until('document.readyState === "complete"');
  const asked = await agent.failsOnce(/palette\/palette\.\w+\.js/);
  await agent.clicks('.side-find', 'Search');
  await agent.sees('#palette [role="option"]', 'Inbox');
  await agent.types('lovely');
  await agent.sees('#palette [role="option"]', 'Lovely');
  await agent.types('\uE007');
  await agent.sees('.message', 'Do you wrap gifts?');
  assert.equal(new Set(asked).size, 2, `by a new name: ${asked}`);
});

test('in Firefox, the page of its own is the same chat', { skip }, async () => {
  const page = await firefox.window();
  await page.goto(`${house.url}/c/${house.site}`);
  await says(page, 'Message', 'And on the page of its own?');
  await page.sees('.sent, .seen', 'And on the page of its own?');
  assert.deepEqual(page.faults, []);
});
