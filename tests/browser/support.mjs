// The house for journeys: the real program on a folder of its own, browser
// windows for visitors and agents, a stranger's shop page.

import assert from 'node:assert/strict';
import { spawn, execFileSync } from 'node:child_process';
import { createServer } from 'node:http';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, dirname } from 'node:path';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
export const PASSWORD = 'correct horse battery';
export const OWNER = 'ada@mugs.example';
const FLAGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  // A name of its own for what stands behind a proxy.
  '--host-resolver-rules=MAP chat.example 127.0.0.1',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
];
const AXE = readFileSync(join(root, 'tests/browser/node_modules/axe-core/axe.min.js'), 'utf8');

let browser;

/** What a failed test left open. It would keep its file from ending. @type {Set<() => Promise<void>>} */
export const open = new Set();
after(async () => {
  for (const close of open) await close().catch(() => {});
  await closeBrowser();
});

/** Something that has to end, and a complaint where it does not. */
function within(seconds, what, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} within ${seconds} s`)), seconds * 1000);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** One browser for all journeys of a file; windows are contexts. */
async function launch() {
  const executablePath = execFileSync('sh', ['-c', 'command -v chromium']).toString().trim();
  browser ??= await chromium.launch({ executablePath, args: FLAGS, ignoreDefaultArgs: ['--disable-back-forward-cache'] });
  return browser;
}

export async function closeBrowser() {
  await browser?.close();
  browser = undefined;
}

function program() {
  if (process.env.SHOPBELL_BIN) return process.env.SHOPBELL_BIN;
  const metadata = execFileSync('cargo', ['metadata', '--format-version', '1', '--no-deps'], { cwd: root });
  return join(JSON.parse(metadata).target_directory, 'debug', 'shopbell');
}

/** Starts the program and waits for what it prints. */
function start(args, env = {}) {
  const child = spawn(program(), args, { env: { ...process.env, SHOPBELL_LOG: 'warn', ...env } });
  let told = '';
  let complaints = '';
  const ready = new Promise((resolve, reject) => {
    child.stdout.on('data', (data) => {
      told += data;
      if (/setup\?code=\S+\n|Your inbox: |when this program ends/.test(told)) resolve(undefined);
    });
    child.stderr.on('data', (data) => { complaints += data; });
    child.on('error', reject);
    child.on('exit', (code) => reject(new Error(`the program ended with ${code}: ${complaints}`)));
  });
  const up = within(60, 'the program does not start', ready).catch((error) => {
    child.kill('SIGKILL');
    throw error;
  });
  return { child, ready: up, told: () => told, complaints: () => complaints };
}

/** Ends a process of ours, which has to go by itself when it is asked to. */
export async function end(child, signal = 'SIGTERM') {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => { child.once('exit', resolve); });
  child.kill(signal);
  await within(20, `the program does not end on ${signal}`, gone).catch(async (error) => {
    child.kill('SIGKILL');
    await gone;
    throw error;
  });
}

/** A shop that is set up, with its owner. */
export async function openHouse({ env = {}, args = [], setUp = true, publicUrl = '' } = {}) {
  const data = mkdtempSync(join(tmpdir(), 'shopbell-journey-'));
  const flags = (listen) => ['--data', data, '--listen', listen, ...args];
  let running = start([...flags('127.0.0.1:0'), ...(publicUrl ? ['--public-url', publicUrl] : [])], env);
  await running.ready;
  const port = /127\.0\.0\.1:(\d+)/.exec(running.told())[1];
  const url = `http://localhost:${port}`;
  const setupLink = /http\S+setup\?code=\S+/.exec(running.told())[0];
  const house = {
    url, setupLink, site: '', data,
    complaints: () => running.complaints(),
    stop: (signal = 'SIGTERM') => end(running.child, signal),
    async restart(signal = 'SIGTERM') {
      await house.stop(signal);
      await house.start();
    },
    async start() {
      running = start([...flags(`127.0.0.1:${port}`), '--public-url', publicUrl || url], env);
      await running.ready;
    },
    async close() {
      open.delete(house.close);
      await house.stop();
      rmSync(data, { recursive: true, force: true });
      assert.doesNotMatch(running.complaints(), /panicked|ERROR/, running.complaints());
    },
  };
  open.add(house.close);
  if (setUp) {
    const code = new URL(setupLink).searchParams.get('code');
    const body = new URLSearchParams({ code, name: 'Ada', email: OWNER, password: PASSWORD, shop: 'Mugs & More' });
    const answer = await fetch(`${url}/setup`, { method: 'POST', body, headers: { origin: url }, redirect: 'manual' });
    assert.equal(answer.status, 303);
    const cookie = answer.headers.get('set-cookie').split(';')[0];
    const page = await (await fetch(`${url}/welcome`, { headers: { cookie } })).text();
    house.site = /data-site=&#34;([\w-]+)&#34;/.exec(page)[1];
  }
  return house;
}

/** The demonstration, on a free port. */
export async function openDemo() {
  const running = start(['demo', '--listen', '127.0.0.1:0']);
  await running.ready;
  const told = running.told();
  const [, email, password] = /^ {2}(\S+@\S+) \/ (.+) \(owner\)$/m.exec(told);
  const demo = {
    url: `http://localhost:${/127\.0\.0\.1:(\d+)/.exec(told)[1]}`,
    email, password,
    async close() {
      open.delete(demo.close);
      await end(running.child);
      assert.doesNotMatch(running.complaints(), /panicked|ERROR/, running.complaints());
    },
  };
  open.add(demo.close);
  return demo;
}

/** A browser of one's own: `window({ viewport, colorScheme, locale, … })`. */
export async function window(options = {}) {
  const context = await (await launch()).newContext({ locale: 'en-US', viewport: { width: 1280, height: 800 }, ...options });
  context.setDefaultTimeout(15000);
  const page = await context.newPage();
  const faults = [];
  page.on('pageerror', (error) => faults.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error' && !/Failed to load resource|WebSocket connection/.test(message.text())) faults.push(message.text());
  });
  return Object.assign(page, {
    faults,
    async done() {
      assert.deepEqual(faults, [], 'the page ran without faults');
      await context.close();
    },
  });
}

export async function agentWindow(house, options = {}, email = OWNER, password = PASSWORD) {
  const page = await window(options);
  await page.goto(`${house.url}/login`);
  await page.locator('#email').fill(email);
  await page.locator('#password').fill(password);
  await page.locator('form button').first().click();
  await page.waitForURL(/\/inbox/);
  return page;
}

/** The visitor's side: the demonstration shop with its widget, opened. */
export async function visitorWindow(house, options = {}, path = '/demo-shop') {
  const page = await window(options);
  await page.goto(house.url + path);
  return page;
}

/** Changes the settings of the site, as an owner would. */
export async function settings(house, fill) {
  const agent = await agentWindow(house);
  await agent.goto(`${house.url}/settings/site`);
  await fill(agent);
  await agent.locator('.save-bar button').click();
  await agent.waitForURL(/saved/);
  await agent.done();
}

let strangers = 0;

/** Somebody who writes without a browser, from an address of his own, as an address has
 * so many visitors an hour: the house has to trust its proxy. */
export async function stranger(house, site = house.site) {
  strangers += 1;
  const headers = { 'content-type': 'application/json', 'x-forwarded-for': `10.1.${strangers >> 8}.${strangers & 255}` };
  const ask = async (path, body, more = {}) => {
    const answer = await fetch(`${house.url}/w/v1/${path}`, { method: 'POST', headers: { ...headers, ...more }, body: JSON.stringify(body) });
    assert.equal(answer.status, 201, path);
    return answer.json();
  };
  const { token, number } = await ask('visitors', { site, lang: 'en' });
  let lines = 0;
  return {
    name: `Client ${number}`,
    /** Gives back the key of the conversation. */
    async writes(body, page = 'https://mugs.example/') {
      lines += 1;
      return (await ask('messages', { cid: `visitor-${number}-${lines}`, body, page }, { authorization: `Bearer ${token}` })).conversation;
    },
  };
}

export async function openChat(page, launcher = /^Chat/) {
  await page.getByRole('button', { name: launcher }).click();
  const panel = page.getByRole('dialog');
  await panel.waitFor();
  return panel;
}

export async function says(page, text) {
  await page.getByRole('textbox', { name: 'Message' }).fill(text);
  await page.getByRole('button', { name: 'Send', exact: true }).click();
}

/** A shop on another origin, with a policy and a body of the test's choosing. */
export async function openShop({ policy, body, head = '', lang = 'en' }) {
  const asked = [];
  const server = createServer((request, response) => {
    asked.push(request.url);
    const headers = { 'content-type': 'text/html; charset=utf-8' };
    if (policy) headers['content-security-policy'] = policy;
    response.writeHead(200, headers);
    response.end(`<!doctype html><html lang="${lang}"><head><title>A shop</title>${head}</head><body>${body}</body></html>`);
  });
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  const shop = {
    url: `http://127.0.0.1:${server.address().port}`,
    asked,
    async close() {
      open.delete(shop.close);
      await new Promise((resolve) => { server.close(resolve); server.closeAllConnections(); });
    },
  };
  open.add(shop.close);
  return shop;
}

/** No violation of WCAG 2.2 AA or best practice, as axe-core sees it. */
export async function accessible(page, what) {
  await page.evaluate(() => Promise.all(document.getAnimations().map((it) => it.finished.catch(() => {}))));
  // Through the debugger, so that the page's own policy has no say.
  await page.context().newCDPSession(page).then((session) => session.send('Runtime.evaluate', { expression: AXE }));
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, {
    runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
  }));
  const told = violations.map((it) => `${it.id}: ${it.help}: ${it.nodes.map((node) => node.html).join(' | ')}`);
  assert.deepEqual(told, [], what);
}

/** A picture for whoever wants to look, where SHOPBELL_SHOTS names a folder. */
export async function shot(page, name) {
  const folder = process.env.SHOPBELL_SHOTS;
  if (!folder) return;
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`) });
}
