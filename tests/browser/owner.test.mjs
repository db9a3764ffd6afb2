// What an owner does in the first hour: set up, look around, mail, colleagues,
// sessions and passwords.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { noPostOffice, openPostOffice } from './post.mjs';
import {
  OWNER, PASSWORD, agentWindow, closeBrowser, openChat, openHouse, says, shot, visitorWindow, window,
} from './support.mjs';

let office;
before(async () => { if (!noPostOffice) office = await openPostOffice(); });
after(async () => { await closeBrowser(); await office?.close(); });

test('the set-up link makes an owner and a shop, once', async () => {
  const house = await openHouse({ setUp: false });
  const page = await window();
  await page.goto(`${house.url}/`);
  assert.match(page.url(), /\/setup$/, 'a fresh server leads to set-up');
  assert.equal(await page.getByRole('button', { name: 'Create' }).count(), 0, 'without the code there is nothing to claim');
  await page.goto(house.setupLink);
  await page.getByRole('textbox', { name: 'Your name' }).fill('Ada');
  await page.getByRole('textbox', { name: 'Email' }).fill(OWNER);
  await page.getByRole('textbox', { name: 'Password' }).fill('password1234');
  await page.getByRole('textbox', { name: 'Shop name' }).fill('Mugs & More');
  await page.getByRole('button', { name: 'Create' }).click();
  await page.getByText('too easy to guess').first().waitFor();
  assert.equal(await page.getByRole('textbox', { name: 'Shop name' }).inputValue(), 'Mugs & More');
  await page.getByRole('textbox', { name: 'Password' }).fill(PASSWORD);
  await page.getByRole('button', { name: 'Create' }).click();
  await page.waitForURL(/\/welcome/);
  await shot(page, 'welcome');
  const boxes = await page.locator('textarea').evaluateAll((all) => all.map((it) => it.value));
  assert.ok(boxes.some((it) => it.startsWith(`<script async src="${house.url}/w.js" data-site="`)), String(boxes));
  assert.ok(boxes.some((it) => it.includes(`script-src ${house.url}`) && it.includes('connect-src')));
  for (const path of ['/demo-shop', '/settings/mail', '/settings/team']) {
    assert.ok(await page.locator(`a[href="${path}"]`).count(), `the checklist leads to ${path}`);
  }
  const again = await window();
  await again.goto(house.setupLink);
  assert.equal(await again.getByRole('button', { name: 'Create' }).count(), 0, 'the link works once');
  await again.done();
  await page.done();
  await house.close();
});

test('mail is set up, tested, and carries a transcript', { skip: noPostOffice }, async () => {
  const house = await openHouse();
  const agent = await agentWindow(house);
  const visitor = await visitorWindow(house);
  await openChat(visitor);
  await says(visitor, 'Avez-vous le mug bleu ?');
  await agent.getByRole('link', { name: /^Client 1/ }).click();
  await agent.getByRole('button', { name: 'Join conversation' }).click();
  await agent.getByRole('textbox', { name: 'Message' }).fill('Oui, trois.');
  await agent.getByRole('button', { name: 'Send', exact: true }).click();
  await visitor.getByText('Oui, trois.').waitFor();

  await agent.getByRole('button', { name: 'Send transcript' }).click();
  const link = agent.locator('#transcript a[href="/settings/mail"]');
  await link.waitFor();
  await shot(agent, 'transcript-without-mail');
  const back = agent.url();
  await link.click();
  await agent.locator('#host').fill('127.0.0.1');
  await agent.locator('#port').fill(String(office.port));
  await agent.locator('#security').selectOption('none');
  await agent.locator('#from').fill('shop@mugs.example');
  await agent.locator('form[action="/settings/mail"] button').last().click();
  await agent.waitForURL(/saved/);
  await agent.locator('#to').fill('ada@home.example');
  await agent.locator('form[action^="/settings/mail/test"] button').last().click();
  await agent.getByText(/250 /).first().waitFor();
  await shot(agent, 'mail-tested');
  await office.mailTo('ada@home.example');

  await agent.goto(back);
  await agent.getByRole('button', { name: 'Send transcript' }).click();
  await agent.locator('#transcript #email').fill('ann@home.example');
  await agent.locator('#transcript form button').last().click();
  const mail = await office.mailTo('ann@home.example');
  for (const part of ['multipart/alternative', 'Avez-vous le mug bleu ?', 'Oui, trois.', 'Ada', 'Mugs &']) {
    assert.ok(mail.includes(part), `${part} in ${mail}`);
  }
  await agent.getByRole('log', { name: 'Messages' }).getByText(/transcript/i).first().waitFor();
  await visitor.done();
  await agent.done();
  await house.close();
});

test('sessions are listed and ended, a password is changed and forgotten, a colleague is invited', { skip: noPostOffice }, async () => {
  const house = await openHouse({ env: { SHOPBELL_SMTP_URL: office.url, SHOPBELL_MAIL_FROM: 'shop@mugs.example' } });
  const here = await agentWindow(house);
  const there = await agentWindow(house, { userAgent: 'Mozilla/5.0 (iPhone; CPU iPhone OS 17_6_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Mobile/15E148 Safari/604.1' });
  await here.goto(`${house.url}/me`);
  await shot(here, 'me');
  const others = here.getByRole('button', { name: /End all others/ });
  await others.click();
  await here.waitForURL(/done=sessions/);
  await there.goto(`${house.url}/inbox`);
  await there.waitForURL(/\/login/);

  await here.locator('#current').fill(PASSWORD);
  await here.locator('#password').fill('a brand new sentence');
  await here.locator('form[action="/me/password"] button').last().click();
  await here.waitForURL(/done=password/);
  await here.locator('.side-me').click();
  await here.locator('form[action="/logout"] button').click();
  await here.waitForURL(/\/login/);
  await here.goto(`${house.url}/forgot`);
  await here.getByRole('textbox', { name: 'Email' }).fill(OWNER);
  await here.locator('form button').last().click();
  const mail = await office.mailTo(OWNER);
  await here.goto(/http\S+\/reset\?token=[\w-]{43}/.exec(mail)[0]);
  await here.locator('#password').fill('remembered this time');
  await here.locator('form button').last().click();
  await here.waitForURL(/\/login/);
  const agent = await agentWindow(house, {}, OWNER, 'remembered this time');

  await agent.goto(`${house.url}/settings/team`);
  await agent.locator('#name').fill('Bob');
  await agent.locator('#email').fill('Bob@mugs.example');
  await agent.locator('form[action="/settings/team"] button').last().click();
  await agent.getByText('bob@mugs.example').first().waitFor();
  await shot(agent, 'team');
  const invitation = await office.mailTo('bob@mugs.example');
  await there.goto(/http\S+\/invite\?token=[\w-]{43}/.exec(invitation)[0]);
  await there.locator('#password').fill('bob has a password too');
  await there.locator('form button').last().click();
  await there.waitForURL(/\/inbox/);
  await there.goto(`${house.url}/settings/site`);
  assert.match(await there.locator('h1').innerText(), /don’t have access/i, 'a plain agent changes no settings');
  await Promise.all([here, there, agent].map((it) => it.context().close()));
  await house.close();
});
