// Every page, in every dress: light and dark, wide and narrow, four languages;
// the keyboard alone; and a browser without scripts.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { accessible, agentWindow, closeBrowser, openDemo, shot, window } from './support.mjs';

const PAGES = ['/inbox', '/inbox?show=resolved', '/me', '/welcome', '/settings/site', '/settings/mail', '/settings/team', '/settings/workings'];

let demo;
before(async () => { demo = await openDemo(); });
after(async () => { await closeBrowser(); await demo.close(); });

const signIn = (options) => agentWindow(demo, options, demo.email, demo.password);

async function narrowEnough(page, what) {
  const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.ok(over <= 0, `${what} is ${over} px too wide`);
}

for (const [scheme, width] of [['light', 1280], ['dark', 1280], ['light', 390], ['dark', 390]]) {
  test(`the dashboard has no accessibility violation, ${scheme}, ${width} px`, async () => {
    const agent = await signIn({ colorScheme: scheme, viewport: { width, height: 844 } });
    for (const path of PAGES) {
      await agent.goto(demo.url + path);
      await accessible(agent, `${path} ${scheme} ${width}`);
      await narrowEnough(agent, path);
      await shot(agent, `page${path.replace(/\W/g, '-')}-${scheme}-${width}`);
    }
    await agent.goto(`${demo.url}/inbox`);
    await agent.getByRole('link', { name: /^Client \d+/ }).first().click();
    await agent.getByRole('log', { name: 'Messages' }).waitFor();
    await accessible(agent, `a conversation ${scheme} ${width}`);
    await narrowEnough(agent, 'a conversation');
    await shot(agent, `page-conversation-${scheme}-${width}`);
    await agent.done();
  });

  test(`pages before sign-in have no accessibility violation, ${scheme}, ${width} px`, async () => {
    const page = await window({ colorScheme: scheme, viewport: { width, height: 844 } });
    for (const path of ['/login', '/forgot', '/reset?token=x', '/invite?token=x', '/setup', '/demo-shop', '/nothing']) {
      await page.goto(demo.url + path);
      await accessible(page, `${path} ${scheme} ${width}`);
      await narrowEnough(page, path);
      await shot(page, `open${path.replace(/\W/g, '-')}-${scheme}-${width}`);
    }
    await page.done();
  });
}

for (const [locale, word, english] of [['fr', 'Conversation', /\b(Inbox|Settings|Password|Sign in|Resolve|Visitor)\b/], ['tr', 'Gelen', /\b(Inbox|Settings|Password|Sign in|Resolve|Visitor)\b/], ['ru', 'Вход', /\b(Inbox|Settings|Password|Sign in|Resolve|Visitor)\b/]]) {
  test(`no English is left in ${locale}`, async () => {
    const agent = await signIn({ locale });
    await agent.goto(`${demo.url}/me`);
    await agent.locator('#lang').selectOption(locale);
    await agent.locator('form[action="/me/profile"] button').last().click();
    await agent.waitForURL(/done=profile/);
    for (const path of PAGES) {
      await agent.goto(demo.url + path);
      assert.equal(await agent.locator('html').getAttribute('lang'), locale);
      const text = await agent.locator('body').innerText();
      assert.doesNotMatch(text, english, path);
      await narrowEnough(agent, `${path} in ${locale}`);
      await shot(agent, `page${path.replace(/\W/g, '-')}-${locale}`);
    }
    await agent.goto(`${demo.url}/me`);
    await agent.locator('#lang').selectOption('en');
    await agent.locator('form[action="/me/profile"] button').last().click();
    await agent.waitForURL(/done=profile/);
    await agent.done();
    const visitor = await window({ locale });
    for (const path of ['/login', '/forgot', '/demo-shop', '/nothing']) {
      await visitor.goto(demo.url + path);
      assert.doesNotMatch(await visitor.locator('body').innerText(), english, path);
    }
    await visitor.goto(`${demo.url}/demo-shop`);
    await visitor.locator('button[aria-haspopup="dialog"]').click();
    await visitor.getByRole('dialog').waitFor();
    assert.doesNotMatch(await visitor.getByRole('dialog').innerText(), /\b(Message|Send|Write|Hi)\b/, word);
    await shot(visitor, `widget-${locale}`);
    await visitor.done();
  });
}

test('the shop that has been open for months has something to show everywhere', async () => {
  const agent = await signIn();
  assert.ok(await agent.getByRole('list', { name: 'Inbox' }).getByRole('link').count() >= 1);
  assert.ok(await agent.getByRole('list', { name: 'My chats' }).getByRole('link').count() >= 1);
  await agent.goto(`${demo.url}/inbox?show=resolved`);
  assert.ok(await agent.getByRole('list', { name: 'Resolved' }).getByRole('link').count() >= 40);
  await agent.goto(`${demo.url}/settings/team`);
  assert.match(await agent.locator('main').innerText(), /Ada[\s\S]*Lena[\s\S]*Marc/);
  await agent.done();
});

test('an agent works by keyboard alone', async () => {
  const agent = await signIn();
  await agent.goto(`${demo.url}/inbox`);
  const focus = (role, name) => agent.getByRole(role, { name }).first();
  const tabTo = async (target) => {
    for (let presses = 0; presses < 60; presses += 1) {
      if (await target.evaluate((it) => it === document.activeElement)) return;
      await agent.keyboard.press('Tab');
    }
    assert.fail('Tab does not lead there');
  };
  const entry = agent.getByRole('list', { name: 'Inbox' }).getByRole('link').first();
  await tabTo(entry);
  await agent.keyboard.press('Enter');
  await agent.getByRole('log', { name: 'Messages' }).waitFor();
  const join = focus('button', 'Join conversation');
  await tabTo(join);
  await agent.keyboard.press('Enter');
  const box = focus('textbox', 'Message');
  await box.waitFor();
  await tabTo(box);
  await agent.keyboard.type('typed without a mouse');
  await agent.keyboard.press('Enter');
  await agent.getByRole('log', { name: 'Messages' }).getByText('typed without a mouse').waitFor();
  const resolve = focus('button', 'Resolve');
  await resolve.focus();
  await agent.keyboard.press('Enter');
  await focus('button', 'Reopen').waitFor();
  await agent.done();
});

test('the chat page works without scripts', async () => {
  const agent = await signIn();
  await agent.goto(`${demo.url}/settings/site`);
  const site = /data-site="([\w-]+)"/.exec(await agent.locator('textarea.code').first().inputValue())[1];
  const plain = await window({ javaScriptEnabled: false });
  await plain.goto(`${demo.url}/c/${site}`);
  const box = plain.getByRole('textbox', { name: 'Message' });
  await box.fill('no scripts here');
  await plain.getByRole('button', { name: 'Send' }).click();
  await plain.getByRole('log').getByText('no scripts here').waitFor();
  await shot(plain, 'chat-without-scripts');
  await agent.goto(`${demo.url}/inbox`);
  await agent.getByRole('link', { name: /no scripts here/ }).click();
  await agent.getByRole('button', { name: 'Join conversation' }).click();
  await agent.getByRole('textbox', { name: 'Message' }).fill('none needed');
  await agent.getByRole('button', { name: 'Send', exact: true }).click();
  await agent.getByRole('log', { name: 'Messages' }).getByText('none needed').waitFor();
  await plain.goto(`${demo.url}/c/${site}`);
  await plain.getByRole('log').getByText('none needed').waitFor();
  await agent.locator('[data-tick="seen"]', { hasText: 'none needed' }).waitFor();
  await plain.done();
  const scripted = await window();
  await scripted.goto(`${demo.url}/c/${site}`);
  await scripted.getByRole('textbox', { name: 'Message' }).fill('with scripts');
  await scripted.getByRole('button', { name: 'Send', exact: true }).click();
  await scripted.getByText('with scripts').first().waitFor();
  await shot(scripted, 'chat-page');
  await scripted.done();
  await agent.done();
});
