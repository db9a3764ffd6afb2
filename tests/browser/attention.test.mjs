// What the inbox says of who waits and what was read, and that it hears of it by
// news alone: no page is ever fetched because a line came.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { agentWindow, openHouse, stranger } from './support.mjs';

let house;
before(async () => { house = await openHouse({ args: ['--trusted-proxies', '127.0.0.1', '--visitor-rate', '100000'] }); });
after(async () => { await house.close(); });

/** What a page asks for from now on. */
function listen(page) {
  const asked = [];
  page.on('request', (request) => asked.push(`${request.method()} ${new URL(request.url()).pathname.replace(/c_[\w-]+/, 'KEY')}`));
  return asked;
}

const counted = (page, n) => page.waitForFunction((it) => document.title.startsWith(`(${it})`), n);

test('lines come as news, and no page fetches itself for them', async () => {
  const crowd = [];
  for (let n = 0; n < 55; n += 1) {
    const one = await stranger(house);
    crowd.push({ one, conversation: await one.writes(`hello ${n}`) });
  }
  const last = crowd.at(-1);
  const page = await agentWindow(house);
  await page.goto(`${house.url}/inbox/${last.conversation}`);
  await counted(page, 55);
  const log = page.getByRole('log', { name: 'Messages' });
  await log.getByText('hello 54').waitFor();
  const asked = listen(page);
  for (let n = 0; n < 5; n += 1) {
    await last.one.writes(`line ${n}`, `https://mugs.example/${n}`);
    await log.getByText(`line ${n}`).waitFor();
  }
  // The panel about him follows as well.
  await page.getByRole('region', { name: 'Visitor' }).getByText('https://mugs.example/4').waitFor();
  // Nor for somebody who stands on no list of this page, nor to know how many wait.
  const new1 = await stranger(house);
  await new1.writes('from outside');
  await counted(page, 56);
  assert.deepEqual([...new Set(asked)].filter((it) => it !== 'POST /inbox/KEY/seen'), []);
  await page.done();
});

test('every list has a way on, which scripts append and others follow', async () => {
  for (const javaScriptEnabled of [true, false]) {
    const page = await agentWindow(house, { javaScriptEnabled });
    const rows = page.getByRole('list', { name: 'Inbox' }).getByRole('link');
    assert.equal(await rows.count(), 50);
    await page.getByRole('link', { name: /^Show more.*Inbox/ }).click();
    await page.getByRole('list', { name: 'Inbox' }).getByText('from outside').waitFor();
    assert.equal(await rows.count(), javaScriptEnabled ? 56 : 6);
    const { width } = (await rows.first().locator('.row-name').boundingBox()) ?? { width: 0 };
    assert.ok(width > 100, `a name has room: ${width}`);
    await page.done();
  }
});

test('that no reply is needed can be said, and taken back', async () => {
  const one = await stranger(house);
  const conversation = await one.writes('Thank you, bye');
  const page = await agentWindow(house);
  await page.goto(`${house.url}/inbox/${conversation}`);
  await counted(page, 57);
  await page.getByRole('button', { name: 'No reply needed' }).click();
  await counted(page, 56);
  assert.ok(await page.getByRole('button', { name: 'No reply needed' }).isHidden());
  await page.getByRole('button', { name: 'Undo' }).click();
  await counted(page, 57);
  // Also later, when the toast is gone; and his next line is a new question.
  await page.getByRole('button', { name: 'No reply needed' }).click();
  await page.getByRole('button', { name: 'Needs a reply' }).waitFor();
  await one.writes('One more thing');
  await page.getByRole('button', { name: 'No reply needed' }).waitFor();
  await counted(page, 57);
  await page.done();
});

test('what one agent reads stays unread for the others, and is read on all his pages', async () => {
  const one = await stranger(house);
  const conversation = await one.writes('Who reads this?');
  const row = (page) => page.locator(`#c-${conversation}`);
  // Away from the newest page of the list: it is the one who has waited shortest.
  const reading = await agentWindow(house);
  const beside = await reading.context().newPage();
  await beside.goto(`${house.url}/inbox`);
  await beside.getByRole('link', { name: /^Show more.*Inbox/ }).click();
  await row(beside).getByText('Unread: 1').waitFor();
  await reading.goto(`${house.url}/inbox/${conversation}`);
  await reading.bringToFront();
  await row(beside).locator('.count').waitFor({ state: 'detached' });
  assert.equal(await row(beside).getAttribute('data-waiting'), 'yes', 'to look is not to answer');
  await beside.close();
  await reading.done();
});

test('opening one of the resolved leaves that list open', async () => {
  const one = await stranger(house);
  const conversation = await one.writes('All done');
  const page = await agentWindow(house);
  await page.goto(`${house.url}/inbox/${conversation}`);
  await page.getByRole('button', { name: 'Resolve' }).click();
  await page.getByRole('button', { name: 'Reopen' }).waitFor();
  await page.goto(`${house.url}/inbox?show=resolved`);
  await page.getByRole('list', { name: 'Resolved' }).getByRole('link', { name: one.name }).click();
  await page.getByRole('log', { name: 'Messages' }).getByText('All done').waitFor();
  assert.ok(await page.getByRole('list', { name: 'Resolved' }).isVisible());
  await page.done();
});

test('whoever comes back begins where he left off, and has read only what was on his screen', async () => {
  const one = await stranger(house);
  const conversation = await one.writes('The beginning');
  const page = await agentWindow(house);
  const told = () => page.waitForResponse((it) => it.url().endsWith(`/inbox/${conversation}/seen`));
  const [first] = await Promise.all([told(), page.goto(`${house.url}/inbox/${conversation}`)]);
  assert.equal(first.status(), 200);
  await page.goto(`${house.url}/me`);
  for (let n = 0; n < 30; n += 1) await one.writes(`line ${n}`);

  const row = page.locator(`#c-${conversation}`);
  const unread = async () => Number(await row.getAttribute('data-unread') ?? 0);
  await page.goto(`${house.url}/inbox`);
  await page.getByRole('link', { name: /^Show more.*Inbox/ }).click();
  await row.waitFor();
  assert.equal(await unread(), 30);
  const log = page.getByRole('log', { name: 'Messages' });
  await Promise.all([told(), page.goto(`${house.url}/inbox/${conversation}`)]);
  await page.waitForFunction(() => document.querySelector('#log')?.scrollTop !== 0);
  const inSight = (text) => log.getByText(text, { exact: true }).evaluate((it) => {
    const [line, frame] = [it.getBoundingClientRect(), document.querySelector('#log').getBoundingClientRect()];
    return frame.top <= line.top && line.bottom <= frame.bottom;
  });
  assert.ok(await inSight('line 0'), 'the first that he has not read');
  assert.ok(!(await inSight('line 29')));
  await Promise.all([told(), page.locator('.log-new').click()]);
  assert.ok(await inSight('line 29'));
  await page.goto(`${house.url}/inbox`);
  await page.getByRole('link', { name: /^Show more.*Inbox/ }).click();
  await row.waitFor();
  assert.equal(await unread(), 0);
  await page.done();
});

test('whoever answers above what he has not read has not read it, and neither it nor his place is lost', async () => {
  const one = await stranger(house);
  const conversation = await one.writes('The first question');
  const page = await agentWindow(house);
  const told = () => page.waitForResponse((it) => it.url().endsWith(`/inbox/${conversation}/seen`));
  await Promise.all([told(), page.goto(`${house.url}/inbox/${conversation}`)]);
  await page.getByRole('button', { name: 'Join conversation' }).click();
  await page.getByRole('textbox', { name: 'Message' }).waitFor();
  await page.goto(`${house.url}/me`);
  for (let n = 0; n < 30; n += 1) await one.writes(`question ${n}`);
  await Promise.all([told(), page.goto(`${house.url}/inbox/${conversation}`)]);
  await page.waitForFunction(() => document.querySelector('#log')?.scrollTop !== 0);
  await page.getByRole('textbox', { name: 'Message' }).fill('To the first ones');
  await page.getByRole('button', { name: 'Send', exact: true }).click();
  await page.locator('#log [data-kind="agent"]:not([data-id="0"])', { hasText: 'To the first ones' }).waitFor();
  await page.locator('.log-new').waitFor();
  assert.notEqual(await page.locator('#log').evaluate((it) => it.scrollTop), 0);
  await page.goto(`${house.url}/inbox`);
  const unread = Number(await page.locator(`#c-${conversation}`).getAttribute('data-unread') ?? 0);
  assert.ok(10 <= unread && unread < 30, `${unread} unread`);
  await page.done();
});
