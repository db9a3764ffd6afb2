// A chat is over: the visitor says how it was, and the shop sees it at once.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { accessible, agentWindow, closeBrowser, openChat, openHouse, says, shot, visitorWindow } from './support.mjs';

let house;
before(async () => { house = await openHouse(); });
after(async () => { await closeBrowser(); await house.close(); });

/** A visitor writes, is answered, and the agent resolves. */
async function overChat(question, options = {}) {
  const agent = await agentWindow(house);
  const visitor = await visitorWindow(house, options);
  await openChat(visitor, /./);
  await says(visitor, question);
  await agent.getByRole('link', { name: question }).click();
  await agent.getByRole('button', { name: 'Join conversation' }).click();
  await agent.getByRole('textbox', { name: 'Message' }).fill('Yes, three of them.');
  await agent.getByRole('button', { name: 'Send', exact: true }).click();
  await visitor.getByText('Yes, three of them.').waitFor();
  await agent.getByRole('button', { name: 'Resolve' }).click();
  return { agent, visitor };
}

const group = (page) => page.getByRole('radiogroup', { name: 'How did we do?' });

test('a visitor rates his chat with the keyboard, changes his mind, and an agent sees both at once', async () => {
  const { agent, visitor } = await overChat('Is the blue mug in stock?');
  await group(visitor).waitFor();
  assert.equal(await group(visitor).getByRole('radio').count(), 5);
  await agent.getByRole('log', { name: 'Messages' }).getByText('Client 1 was asked for a rating').waitFor();
  await visitor.evaluate(() => globalThis.shopbell('on', 'rated', (it) => { globalThis.rated = it; }));
  await accessible(visitor, 'the question');
  await shot(visitor, 'ratings-asked');

  // Nothing is chosen yet: that is said, and the first of them has the focus.
  const send = visitor.getByRole('button', { name: 'Send rating' });
  await send.press('Enter');
  await visitor.getByRole('alert').getByText('from 1 to 5').waitFor();
  assert.equal(await group(visitor).getAttribute('aria-invalid'), 'true');
  const very = (words) => group(visitor).getByRole('radio', { name: words });
  await very('1 of 5: very bad').press('ArrowRight');
  await very('2 of 5: bad').press('ArrowRight');
  await very('3 of 5: okay').press('ArrowRight');
  assert.ok(await very('4 of 5: good').isChecked());
  const comment = visitor.getByRole('textbox', { name: 'Comment' });
  await comment.fill('Quick and kind.\nThank you!');
  await shot(visitor, 'ratings-chosen');

  // Offline it says so, and nothing typed is lost, not even to a reload.
  await visitor.context().setOffline(true);
  await send.click();
  await visitor.getByRole('alert').getByText('No connection').waitFor();
  assert.equal(await comment.inputValue(), 'Quick and kind.\nThank you!');
  await visitor.context().setOffline(false);
  await visitor.reload();
  await visitor.evaluate(() => globalThis.shopbell('on', 'rated', (it) => { globalThis.rated = it; }));
  await openChat(visitor);
  assert.equal(await comment.inputValue(), 'Quick and kind.\nThank you!');
  assert.ok(await very('4 of 5: good').isChecked());
  await send.click();
  await visitor.getByText('Thank you for your rating!').waitFor();
  assert.equal((await visitor.evaluate(() => globalThis.rated)).rate, 4);
  await accessible(visitor, 'what was given');
  await shot(visitor, 'ratings-given');

  const log = agent.getByRole('log', { name: 'Messages' });
  await log.getByText('Client 1 rated this 4 of 5').waitFor();
  await log.getByText('Quick and kind.').waitFor();
  await agent.getByRole('region', { name: 'Visitor' }).getByText('4 of 5: good').waitFor();
  await agent.goto(`${house.url}/inbox?show=resolved`);
  const row = agent.getByRole('list', { name: 'Resolved' }).getByRole('link', { name: /^Client 1/ });
  await row.getByText('Rated 4 of 5').waitFor({ state: 'attached' });

  // In another tab he changes his mind; this one and the agent's follow.
  const tab = await visitor.context().newPage();
  await tab.goto(`${house.url}/demo-shop`);
  await openChat(tab);
  await tab.getByRole('button', { name: 'Change rating' }).click();
  assert.equal(await tab.getByRole('textbox', { name: 'Comment' }).inputValue(), 'Quick and kind.\nThank you!');
  await group(tab).getByRole('radio', { name: '5 of 5: very good' }).check({ force: true });
  // As if another page of his had been first: what stands is said, nothing typed is lost.
  await tab.route('**/w/v1/ratings', (it) => it.continue({ postData: JSON.stringify({ ...it.request().postDataJSON(), since: 1 }) }));
  await tab.getByRole('button', { name: 'Send rating' }).click();
  await tab.getByRole('alert').getByText('otherwise since then (4 of 5: good)').waitFor();
  await tab.unroute('**/w/v1/ratings');
  assert.equal(await tab.getByRole('textbox', { name: 'Comment' }).inputValue(), 'Quick and kind.\nThank you!');
  await tab.getByRole('button', { name: 'Send rating' }).click();
  await tab.getByText('5 of 5: very good').waitFor();
  await visitor.getByText('5 of 5: very good').waitFor();
  await row.getByText('Rated 5 of 5').waitFor({ state: 'attached' });
  await row.click();
  await agent.getByRole('log', { name: 'Messages' }).getByText('changed the rating to 5 of 5').waitFor();
  await accessible(agent, 'what agents see');
  await shot(agent, 'ratings-agent');
  await visitor.done();
  await agent.done();
});

test('a chat that goes on takes its question back', async () => {
  const { agent, visitor } = await overChat('And the green one?');
  await group(visitor).waitFor();
  await agent.getByRole('button', { name: 'Reopen' }).click();
  await group(visitor).waitFor({ state: 'detached' });
  assert.equal(await visitor.getByText('before it was rated').isVisible(), false);
  await agent.getByRole('button', { name: 'Resolve' }).click();
  await group(visitor).waitFor();
  assert.equal(await group(visitor).count(), 1);

  // Who does not look loads none of it.
  let fetched = 0;
  visitor.on('request', (it) => { fetched += it.url().includes('/ratings.') ? 1 : 0; });
  const history = visitor.waitForResponse(/\/history/);
  await visitor.reload();
  await history;
  await visitor.waitForLoadState('networkidle');
  assert.equal(fetched, 0);
  await openChat(visitor);
  await group(visitor).waitFor();
  assert.equal(await group(visitor).count(), 1);
  // All of it is to be seen, though it came after the panel was open.
  const send = await visitor.getByRole('button', { name: 'Send rating' }).boundingBox();
  const log = await visitor.getByRole('log').boundingBox();
  assert.ok(send.y + send.height <= log.y + log.height, `${send.y} ${log.y}`);
  await visitor.done();
  await agent.done();
});

test('on a phone, in the dark and in Russian the question fits and can be answered by touch', async () => {
  const phone = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, colorScheme: 'dark', locale: 'ru-RU' };
  const agent = await agentWindow(house);
  const visitor = await visitorWindow(house, phone);
  await visitor.getByRole('button', { name: /^Чат|^Напи|./ }).first().waitFor();
  await visitor.evaluate(() => globalThis.shopbell('open'));
  await visitor.getByRole('textbox', { name: 'Сообщение' }).fill('Есть синяя?');
  await visitor.getByRole('button', { name: 'Отправить', exact: true }).tap();
  await agent.getByRole('link', { name: 'Есть синяя?' }).click();
  await agent.getByRole('button', { name: 'Join conversation' }).click();
  await agent.getByRole('textbox', { name: 'Message' }).fill('Да, три.');
  await agent.getByRole('button', { name: 'Send', exact: true }).click();
  await visitor.getByText('Да, три.').waitFor();
  await agent.getByRole('button', { name: 'Resolve' }).click();
  const stars = visitor.getByRole('radiogroup', { name: 'Как мы справились?' }).getByRole('radio');
  await stars.last().waitFor();
  for (const star of await stars.all()) {
    const { width, height } = await star.boundingBox();
    assert.ok(width >= 40 && height >= 40, `${width} by ${height}`);
  }
  await stars.nth(4).tap();
  await accessible(visitor, 'the question in the dark');
  await shot(visitor, 'ratings-phone-ru');
  await visitor.getByRole('button', { name: 'Отправить оценку' }).tap();
  await visitor.getByText('Спасибо за оценку!').waitFor();
  await shot(visitor, 'ratings-phone-ru-given');
  await visitor.done();
  await agent.done();
});

test('where no script runs, the page asks by a form', async () => {
  const visitor = await visitorWindow(house, { javaScriptEnabled: false, viewport: { width: 390, height: 844 } }, `/c/${house.site}`);
  await visitor.getByRole('textbox', { name: 'Message' }).fill('Do you ship to Izmir?');
  await visitor.getByRole('button', { name: 'Send' }).click();
  const agent = await agentWindow(house);
  await agent.getByRole('link', { name: 'Do you ship to Izmir?' }).click();
  await agent.getByRole('button', { name: 'Join conversation' }).click();
  await agent.getByRole('textbox', { name: 'Message' }).fill('In three days.');
  await agent.getByRole('button', { name: 'Send', exact: true }).click();
  await agent.getByRole('log', { name: 'Messages' }).getByText('In three days.').waitFor();
  await agent.getByRole('button', { name: 'Resolve' }).click();
  await agent.getByText('was asked for a rating').first().waitFor();
  await visitor.goto(`${house.url}/c/${house.site}?at=1`);
  await shot(visitor, 'ratings-plain');
  await group(visitor).getByRole('radio', { name: '3 of 5: okay' }).check();
  await visitor.getByRole('textbox', { name: 'Comment' }).fill('It took a while.');
  await visitor.getByRole('button', { name: 'Send rating' }).click();
  // Words within <noscript> are looked for by where they stand.
  const card = visitor.locator('.chat-card');
  await card.locator('blockquote').waitFor();
  assert.match(await card.textContent(), /3 of 5: okay\s+It took a while\./);
  await visitor.getByRole('link', { name: 'Change rating' }).click();
  await shot(visitor, 'ratings-plain-change');
  await group(visitor).getByRole('radio', { name: '4 of 5: good' }).check();
  await visitor.getByRole('button', { name: 'Send rating' }).click();
  await visitor.getByRole('link', { name: 'Change rating' }).waitFor();
  assert.match(await card.textContent(), /4 of 5: good/);
  await agent.getByRole('log', { name: 'Messages' }).getByText('changed the rating to 4 of 5').waitFor();
  await visitor.done();
  await agent.done();
});
