// A message that is more than words, as the visitor sees it: drawn by a script of
// its own that comes with the first one, and plain text wherever none does.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { closeBrowser, openChat, openHouse, says, visitorWindow } from './support.mjs';

const STARS = `export function draw(place, data, { make }) {
  place.replaceChildren(make('output', {}, '★'.repeat(data.stars)));
}`;
const PARTS = [
  { text: 'What they say: https://mugs.example/blue' },
  { text: '4 of 5', script: '/assets/practice/stars.js', data: { stars: 4 } },
  { text: '2 of 5', script: '/assets/practice/stars.js', data: { stars: 2 } },
  { text: 'Something newer' },
];

let house;
before(async () => { house = await openHouse(); });
after(async () => { await closeBrowser(); await house.close(); });

/** The chat opened again, with parts in its first line; and how often their script was asked for. */
async function withParts(answer) {
  const page = await visitorWindow(house);
  let asked = 0;
  await page.route('**/assets/practice/stars.js*', (route) => { asked += 1; return route.fulfill(answer); });
  await openChat(page);
  await says(page, 'hello');
  const log = page.getByRole('log', { name: 'Conversation' });
  await log.getByRole('img', { name: 'Sent' }).waitFor();
  assert.equal(asked, 0, 'nobody pays for what is not there');
  await page.route('**/w/v1/history*', async (route) => {
    const real = await route.fetch();
    const history = await real.json();
    Object.assign(history.messages[0], { parts: PARTS });
    await route.fulfill({ response: real, json: history });
  });
  await page.reload();
  await openChat(page);
  return { page, log, asked: () => asked };
}

test('a part is drawn by its script, which comes once and with the first one', async () => {
  const { page, log, asked } = await withParts({ body: STARS, contentType: 'text/javascript' });
  await log.getByText('★★★★').waitFor();
  await log.getByText('★★', { exact: true }).waitFor();
  assert.equal(await log.getByText('of 5').count(), 0);
  assert.equal(await log.getByText('Something newer').count(), 1, 'what has no script is its text');
  assert.equal(await log.getByRole('link', { name: 'https://mugs.example/blue' }).count(), 1);
  assert.equal(asked(), 1);
  await page.done();
});

test('a part whose script does not come stays plain text', async () => {
  const { page, log, asked } = await withParts({ status: 404, body: 'no' });
  await log.getByText('4 of 5').waitFor();
  await log.getByText('2 of 5').waitFor();
  assert.ok(asked() >= 1);
  await page.done();
});
