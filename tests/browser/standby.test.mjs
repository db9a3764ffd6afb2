// A standby: Litestream copies a running shop as it changes, with the lines that
// the README has; the machine dies, and another one goes on.

import assert from 'node:assert/strict';
import { spawn, execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { end, open, openHouse, root } from './support.mjs';

const LITESTREAM = join(root, 'tests/browser/node_modules/@flydotio/litestream-linux-x64/litestream');
/** What a standby may lack of what was acknowledged. The intervals are a tenth of it; this machine may be busy. */
const LACKS = 1000;
const LINES = 120;

/** The configuration in the README, for these places. */
function configuration(database, replica) {
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const [, yaml] = /```yaml\n([^`]*dbs:[^`]*)```/.exec(readme);
  const ours = yaml.replace('/var/lib/shopbell/shopbell.db', database).replace('/backups/standby', replica);
  assert.ok(ours.includes(database) && ours.includes(replica), 'the README names both places');
  return ours;
}

async function until(what, holds) {
  const late = Date.now() + 60_000;
  while (!(await holds())) {
    assert.ok(Date.now() < late, `${what} within a minute`);
    await new Promise((resolve) => { setTimeout(resolve, 50); });
  }
}

test('a standby has what was acknowledged a second before the end, and every page reloads', { skip: !existsSync(LITESTREAM) && 'there is no Litestream for this machine' }, async () => {
  const house = await openHouse({ args: ['--visitor-rate', '6000'] });
  const folder = mkdtempSync(join(tmpdir(), 'shopbell-standby-'));
  const [config, replica, database] = [join(folder, 'litestream.yml'), join(folder, 'replica'), join(house.data, 'shopbell.db')];
  writeFileSync(config, configuration(database, replica));
  const litestream = spawn(LITESTREAM, ['replicate', '-config', config], { stdio: 'ignore' });
  const stop = () => end(litestream, 'SIGKILL');
  open.add(stop);
  await until('the first copy', () => existsSync(replica) && readdirSync(replica, { recursive: true }).some((it) => String(it).endsWith('.snapshot.lz4')));

  const ask = async (path, body, token) => {
    const headers = { 'content-type': 'application/json', ...(token ? { authorization: `Bearer ${token}` } : {}) };
    const answer = await fetch(`${house.url}/w/v1/${path}`, body ? { method: 'POST', headers, body: JSON.stringify(body) } : { headers });
    assert.ok(answer.ok, `${path}: ${answer.status}`);
    return answer.json();
  };
  const { token } = await ask('visitors', { site: house.site, lang: 'en' });
  const acknowledged = new Map();
  for (let n = 0; n < LINES; n += 1) {
    await ask('messages', { cid: `standby-line-${n}`, body: `line ${n}` }, token);
    acknowledged.set(`line ${n}`, Date.now());
    // One after another over some seconds, so that the end falls into the middle of a copy.
    await new Promise((resolve) => { setTimeout(resolve, 25); });
  }
  const before = await ask('history', undefined, token);
  const died = Date.now();
  await Promise.all([house.stop('SIGKILL'), stop()]);
  open.delete(stop);

  // Another machine: nothing of the old folder is there.
  for (const name of readdirSync(house.data)) rmSync(join(house.data, name), { recursive: true });
  execFileSync(LITESTREAM, ['restore', '-o', database, `file://${replica}`], { stdio: 'ignore' });
  await house.start();

  const there = new Set();
  let page = await ask('history', undefined, token);
  assert.notEqual(page.epoch, before.epoch, 'a new epoch, so that pages reload');
  for (;;) {
    for (const it of page.messages) there.add(it.body);
    if (!page.more) break;
    page = await ask(`history?before=${page.messages[0].id}`, undefined, token);
  }
  const lost = [...acknowledged].filter(([text]) => !there.has(text));
  const youngest = Math.max(0, ...lost.map(([, at]) => died - at));
  assert.ok(youngest <= LACKS, `${lost.length} lines are missing, the oldest from ${youngest} ms before the end`);
  assert.ok(there.size >= LINES - lost.length);

  const { token: next } = await ask('visitors', { site: house.site, lang: 'en' });
  await ask('messages', { cid: 'standby-after', body: 'the shop goes on' }, next);
  rmSync(folder, { recursive: true });
  await house.close();
});
