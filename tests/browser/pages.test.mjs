// Every page, in every dress: light and dark, wide and narrow, four languages;
// the keyboard alone; and a browser without scripts.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { accessible, agentWindow, closeBrowser, openDemo, shot, window } from './support.mjs';

const PAGES = ['/inbox', '/inbox?show=resolved', '/me', '/welcome', '/settings/site', '/settings/sites', '/settings/team/1', '/settings/mail', '/settings/team', '/settings/tags', '/settings/tags/1', '/settings/ratings', '/settings/workings'];

let demo;
before(async () => { demo = await openDemo(); });
after(async () => { await closeBrowser(); await demo.close(); });

const signIn = (options) => agentWindow(demo, options, demo.email, demo.password);

async function narrowEnough(page, what) {
  const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.ok(over <= 0, `${what} is ${over} px too wide`);
}

/** The rail stays where it is: only what lies beside it scrolls. */
async function staysPut(page, what) {
  const over = await page.evaluate(() => {
    const it = document.documentElement;
    return [it.scrollHeight - it.clientHeight, it.scrollWidth - it.clientWidth];
  });
  assert.deepEqual(over, [0, 0], `${what} scrolls away by this much`);
  const inbox = await page.evaluate(() => {
    const it = document.querySelector('.page:has(.inbox)');
    return it ? it.scrollHeight - it.clientHeight : 0;
  });
  assert.equal(inbox, 0, `${what}: the columns of the inbox scroll, not what holds them`);
}

for (const [scheme, width] of [['light', 1280], ['dark', 1280], ['light', 390], ['dark', 390]]) {
  test(`the dashboard has no accessibility violation, ${scheme}, ${width} px`, async () => {
    const agent = await signIn({ colorScheme: scheme, viewport: { width, height: 844 } });
    for (const path of PAGES) {
      await agent.goto(demo.url + path);
      await accessible(agent, `${path} ${scheme} ${width}`);
      await staysPut(agent, path);
      await shot(agent, `page${path.replace(/\W/g, '-')}-${scheme}-${width}`);
    }
    await agent.goto(`${demo.url}/inbox`);
    await agent.getByRole('link', { name: /^Client \d+/ }).first().click();
    await agent.getByRole('log', { name: 'Messages' }).waitFor();
    await accessible(agent, `a conversation ${scheme} ${width}`);
    await staysPut(agent, 'a conversation');
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
    await agent.waitForURL(/done=saved/);
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
    await agent.waitForURL(/done=saved/);
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

for (const width of [1280, 390]) {
  test(`in French, too, a name, what was just done and a choice can be read at ${width} px`, async () => {
    const agent = await signIn({ locale: 'fr', viewport: { width, height: 844 } });
    const speak = async (lang) => {
      await agent.goto(`${demo.url}/me`);
      await agent.locator('#lang').selectOption(lang);
      await agent.locator('form[action="/me/profile"] button').last().click();
      await agent.waitForURL(/done=saved/);
    };
    await speak('fr');
    await agent.goto(`${demo.url}/inbox`);
    await agent.locator('.row[data-waiting="yes"] a').first().click();
    await agent.locator('#log').waitFor();
    const name = await agent.locator('.thread-title h1').evaluate((it) => it.scrollWidth - it.clientWidth);
    assert.ok(name <= 0, `the name is cut by ${name} px`);
    await shot(agent, `french-thread-${width}`);
    await agent.getByRole('button', { name: 'Pas de réponse à donner' }).click();
    const said = agent.locator('.toast > span');
    await said.waitFor();
    await shot(agent, `french-toast-${width}`);
    const lines = await said.evaluate((it) => {
      const words = document.createRange();
      words.selectNodeContents(it);
      return new Set([...words.getClientRects()].map((box) => box.top)).size;
    });
    assert.ok(lines <= 2, `“${await said.innerText()}” takes ${lines} lines`);
    await agent.locator('.toast').getByRole('button', { name: 'Annuler' }).click();
    await agent.getByRole('button', { name: 'Résoudre' }).waitFor();

    for (const lang of ['fr', 'ru', 'tr', 'en']) {
      await speak(lang);
      await agent.goto(`${demo.url}/settings/mail`);
      await shot(agent, `mail-${lang}-${width}`);
      const cut = await agent.locator('select').evaluateAll((all) => all.flatMap((it) => {
        const style = getComputedStyle(it);
        const pen = document.createElement('canvas').getContext('2d');
        pen.font = style.font;
        const room = it.clientWidth - parseFloat(style.paddingInlineStart) - parseFloat(style.paddingInlineEnd);
        return [...it.options].filter((option) => pen.measureText(option.text).width > room).map((option) => option.text);
      }));
      assert.deepEqual(cut, [], `choices that are cut in ${lang}`);
    }
    await agent.done();
  });
}

test('who is signed in is led from the sign-in form to where he belongs', async () => {
  const agent = await signIn();
  for (const [asked, led] of [['/login', '/inbox'], ['/login?next=%2Fme', '/me'], ['/login?next=%2F%2Fevil.example', '/inbox']]) {
    await agent.goto(demo.url + asked);
    assert.equal(agent.url(), demo.url + led, asked);
  }
  const stranger = await window();
  await stranger.goto(`${demo.url}/login`);
  await stranger.locator('#email').fill(demo.email);
  await stranger.locator('#password').fill('not this one at all');
  await stranger.locator('form button').first().click();
  const refusal = await stranger.getByRole('alert').innerText();
  const page = await stranger.locator('body').innerText();
  assert.equal(page.split(refusal.trim()).length, 2, `“${refusal}” stands once`);
  assert.equal(await stranger.locator('#email').inputValue(), demo.email);
  await stranger.done();
  await agent.done();
});

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
