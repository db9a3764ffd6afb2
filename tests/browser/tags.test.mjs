// Tags: made and given in place, seen by colleagues at once, kept under Settings.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { accessible, agentWindow, closeBrowser, openChat, openHouse, says, shot, visitorWindow, window } from './support.mjs';

let house;
before(async () => { house = await openHouse(); });
after(async () => { await closeBrowser(); await house.close(); });

const chips = (page) => page.getByRole('list', { name: 'Tags of this chat' }).getByRole('listitem');
const opened = async (page) => {
  await page.getByRole('button', { name: 'Tags', exact: true }).click();
  const sheet = page.getByRole('dialog', { name: 'Tags' });
  await sheet.waitFor();
  return sheet;
};

/** Until the names are these. */
async function shows(page, names) {
  const told = async () => (await chips(page).allInnerTexts()).join();
  for (let n = 0; n < 100 && (await told()) !== names.join(); n += 1) await page.waitForTimeout(50);
  assert.equal(await told(), names.join());
}

test('a tag is made in place, given and taken, and every open page shows it', async () => {
  const visitor = await visitorWindow(house);
  await says(await openChat(visitor).then(() => visitor), 'Where is my parcel?');
  const [ada, colleague] = [await agentWindow(house), await agentWindow(house, { viewport: { width: 390, height: 844 }, colorScheme: 'dark' })];
  const row = ada.getByRole('link', { name: /^Client \d+/ }).first();
  await row.click();
  await ada.getByRole('log', { name: 'Messages' }).waitFor();

  const sheet = await opened(ada);
  const find = sheet.getByRole('textbox', { name: 'Find or create a tag' });
  await find.fill('Late parcel');
  await sheet.getByRole('button', { name: 'Create “Late parcel”' }).click();
  await sheet.getByRole('checkbox', { name: 'Late parcel', checked: true }).waitFor();
  await find.fill('VIP');
  await find.press('Enter');
  await sheet.getByRole('checkbox', { name: 'VIP', checked: true }).waitFor();
  await shows(ada, ['Late parcel', 'VIP']);
  // Enter only gives, and a line says what it would do and what was done.
  const told = (text) => sheet.getByRole('status').filter({ hasText: text }).waitFor();
  await told('“VIP” was added');
  await find.fill('vip');
  await told('“VIP” is here already');
  await find.press('Enter');
  assert.ok(await sheet.getByRole('checkbox', { name: 'VIP' }).isChecked());
  await find.fill('a$&b');
  await told('There is no such tag yet.');
  await sheet.getByRole('button', { name: 'Create “a$&b”', exact: true }).waitFor();
  await find.fill('');
  await told(/^$/);
  // What is refused stands there until that is no longer so.
  await find.fill('x'.repeat(51));
  await find.press('Enter');
  await sheet.getByRole('alert').waitFor();
  await find.fill('');
  await sheet.getByRole('alert').waitFor({ state: 'detached' });
  const entry = colleague.getByRole('link', { name: /^Client \d+.*Late parcel.*VIP/ });
  await entry.waitFor();
  await shot(colleague, 'tags-list-390');
  await find.fill('late');
  assert.equal(await sheet.getByRole('checkbox').count(), 1, 'what is typed narrows');
  await accessible(ada, 'the sheet of tags');
  await shot(ada, 'tags-sheet-1280');

  await entry.click();
  await colleague.getByRole('log', { name: 'Messages' }).waitFor();
  const theirs = await opened(colleague);
  await accessible(colleague, 'the sheet on a phone');
  await shot(colleague, 'tags-sheet-390');
  await find.fill('');
  await sheet.getByRole('checkbox', { name: 'VIP' }).click();
  await shows(colleague, ['Late parcel']);
  await theirs.getByRole('checkbox', { name: 'VIP', checked: false }).waitFor();
  await theirs.getByRole('button', { name: 'Close' }).click();
  await shot(colleague, 'tags-thread-390');
  await ada.keyboard.press('Escape');
  await sheet.waitFor({ state: 'hidden' });
  assert.equal(await ada.evaluate(() => document.activeElement?.getAttribute('popovertarget')), 'tags-sheet', 'the focus is back');
  await shot(ada, 'tags-thread-1280');

  // Called otherwise under Settings, it is so on pages that stay open, also in what
  // their lists are narrowed to.
  await ada.goto(`${house.url}/settings/tags`);
  await shot(ada, 'tags-settings-1280');
  const late = ada.getByRole('link', { name: 'Late parcel' });
  const number = (await late.getAttribute('href'))?.split('/').pop();
  await colleague.goto(`${colleague.url()}?tag=${number}`);
  const narrowed = (name) => colleague.locator('.narrowed', { hasText: name }).locator(`[title*="${name}"]`).waitFor({ state: 'attached' });
  await narrowed('Late parcel');
  await late.click();
  await ada.getByRole('textbox', { name: 'Name' }).fill('Delivery');
  await ada.locator('.card').getByRole('button', { name: 'Save' }).click();
  await ada.waitForURL(/done=saved/);
  await shows(colleague, ['Delivery']);
  await narrowed('Delivery');
  await shot(ada, 'tags-tag-1280');
  await ada.getByRole('combobox', { name: 'Into which tag' }).selectOption({ label: 'VIP' });
  await ada.getByRole('button', { name: 'Merge' }).click();
  await shows(colleague, ['VIP']);
  await ada.locator('.notice-saved').getByRole('button', { name: 'Undo' }).click();
  await ada.waitForURL(/done=unmerged/);
  await shows(colleague, ['Delivery']);
  for (const page of [ada, colleague, visitor]) await page.done();
});

test('without scripts the sheet is a form, and says what it refuses', async () => {
  const agent = await window({ javaScriptEnabled: false });
  await agent.goto(`${house.url}/login`);
  await agent.locator('#email').fill('ada@mugs.example');
  await agent.locator('#password').fill('correct horse battery');
  await agent.locator('form button').first().click();
  await agent.getByRole('link', { name: /^Client \d+/ }).first().click();
  let sheet = await opened(agent);
  await sheet.getByRole('checkbox', { name: 'VIP' }).check();
  await sheet.getByRole('button', { name: 'Save' }).click();
  await shows(agent, ['Delivery', 'VIP']);
  sheet = await opened(agent);
  await sheet.getByRole('checkbox', { name: 'VIP' }).uncheck();
  await sheet.getByRole('textbox', { name: 'Find or create a tag' }).fill('x'.repeat(51));
  await sheet.getByRole('button', { name: 'Create tag' }).click();
  sheet = agent.getByRole('dialog', { name: 'Tags' });
  await sheet.getByText(/At most 50|50 characters/).first().waitFor();
  assert.equal(await sheet.getByRole('checkbox', { name: 'VIP' }).isChecked(), false, 'nothing is lost');
  await shot(agent, 'tags-refused-no-script');
  await agent.done();
});
