// Firefox, as Debian ships it, driven over WebDriver BiDi
// (https://www.w3.org/TR/webdriver-bidi/): no more of it than its tests need.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import WebSocket from 'ws';
import { end, open } from './support.mjs';

/** Milliseconds: how long something may take to come true in a page. */
const PATIENCE = 20_000;

/** No calls of its own, and words in the language of the tests. */
const PREFERENCES = {
  'intl.accept_languages': 'en-US',
  'datareporting.policy.dataSubmissionEnabled': false,
  'app.normandy.enabled': false,
  'browser.safebrowsing.malware.enabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'services.settings.server': 'data:,',
};

/** What every window gets to find things by: open shadow roots are looked into. */
const FINDER = `(() => {
  const all = (root, css) => [...root.querySelectorAll(css), ...[...root.querySelectorAll('*')].flatMap((it) => (it.shadowRoot ? all(it.shadowRoot, css) : []))];
  return (css, words) => all(document, css).find((it) => it.checkVisibility() && (it.ariaLabel || it.title || it.textContent || '').includes(words));
})()`;

export async function launchFirefox() {
  const profile = mkdtempSync(join(tmpdir(), 'shopbell-firefox-'));
  const lines = Object.entries(PREFERENCES).map(([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});`);
  writeFileSync(join(profile, 'user.js'), lines.join('\n'));
  const args = ['--headless', '--no-remote', '--profile', profile, '--remote-debugging-port=0'];
  const child = spawn('firefox-esr', args, { env: { ...process.env, HOME: profile, MOZ_CRASHREPORTER_DISABLE: '1' } });
  const address = await new Promise((resolve, reject) => {
    let told = '';
    child.stderr.on('data', (data) => {
      told += data;
      const found = /WebDriver BiDi listening on (ws:\S+)/.exec(told);
      if (found) resolve(found[1]);
    });
    child.on('error', reject);
    child.on('exit', (code) => reject(new Error(`Firefox ended with ${code}: ${told}`)));
  });

  const socket = new WebSocket(`${address}/session`, { perMessageDeflate: false });
  await new Promise((resolve, reject) => { socket.on('open', resolve).on('error', reject); });
  const asked = new Map();
  /** @type {Set<(event: { method: string, params: any }) => void>} */
  const listeners = new Set();
  socket.on('message', (data) => {
    const told = JSON.parse(String(data));
    if (told.type === 'event') return listeners.forEach((it) => it(told));
    const { resolve, reject } = asked.get(told.id);
    asked.delete(told.id);
    if (told.type === 'success') resolve(told.result);
    else reject(new Error(`${told.error}: ${told.message}`));
  });
  let number = 0;
  const call = (method, params = {}) => new Promise((resolve, reject) => {
    number += 1;
    asked.set(number, { resolve, reject });
    socket.send(JSON.stringify({ id: number, method, params }));
  });

  await call('session.new', { capabilities: {} });
  await call('session.subscribe', { events: ['network.beforeRequestSent', 'log.entryAdded'] });
  const firefox = {
    /** A browser of one's own, with nothing in common with the others: a window, as a tab
     * behind another one is not looked at. */
    async window() {
      const { userContext } = await call('browser.createUserContext');
      const { context } = await call('browsingContext.create', { type: 'window', userContext });
      return windowOf(call, listeners, context);
    },
    async close() {
      open.delete(firefox.close);
      socket.close();
      await end(child);
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
  open.add(firefox.close);
  return firefox;
}

function windowOf(call, listeners, context) {
  const faults = [];
  listeners.add(({ method, params }) => {
    if (method === 'log.entryAdded' && params.type === 'javascript' && params.level === 'error' && params.source.context === context) faults.push(params.text);
  });
  /** What an expression comes to in the page. */
  async function value(expression) {
    const target = { context };
    const answer = await call('script.evaluate', { expression: `(async () => JSON.stringify(await (${expression})) ?? null)()`, target, awaitPromise: true, userActivation: true });
    if (answer.type === 'exception') throw new Error(answer.exceptionDetails.text);
    return JSON.parse(answer.result.value ?? 'null');
  }
  const page = {
    faults, value,
    goto: (url) => call('browsingContext.navigate', { context, url, wait: 'complete' }),
    /** Asked again until it holds. */
    async until(expression) {
      const late = Date.now() + PATIENCE;
      for (;;) {
        // A page that is just being left has nothing to say.
        const found = await value(expression).catch(() => false);
        if (found) return found;
        if (late < Date.now()) throw new Error(`in vain: ${expression}`);
        await new Promise((resolve) => { setTimeout(resolve, 50); });
      }
    },
    sees: (css, words) => page.until(`!!${FINDER}(${JSON.stringify(css)}, ${JSON.stringify(words)})`),
    /** As a person does it: the mouse goes there and is pressed. */
    async clicks(css, words) {
      const found = `${FINDER}(${JSON.stringify(css)}, ${JSON.stringify(words)})`;
      const [x, y] = await page.until(`(() => { const it = ${found}; if (!it) return; it.scrollIntoView({ block: 'nearest' }); const { x, y, width, height } = it.getBoundingClientRect(); return [Math.round(x + width / 2), Math.round(y + height / 2)]; })()`);
      const actions = [{ type: 'pointerMove', x, y }, { type: 'pointerDown', button: 0 }, { type: 'pointerUp', button: 0 }];
      await call('input.performActions', { context, actions: [{ type: 'pointer', id: 'mouse', actions }] });
    },
    async types(text) {
      const actions = [...text].flatMap((it) => [{ type: 'keyDown', value: it }, { type: 'keyUp', value: it }]);
      await call('input.performActions', { context, actions: [{ type: 'key', id: 'keys', actions }] });
    },
    /** Makes the first request for such an address fail; tells of all of them. */
    async failsOnce(part) {
      const seen = [];
      await call('network.addIntercept', { phases: ['beforeRequestSent'], contexts: [context] });
      listeners.add(({ method, params }) => {
        if (method !== 'network.beforeRequestSent' || params.context !== context || !params.isBlocked) return;
        const { request, url = params.request.url } = params.request;
        const mine = part.test(url);
        if (mine) seen.push(url);
        call(mine && seen.length === 1 ? 'network.failRequest' : 'network.continueRequest', { request }).catch(() => {});
      });
      return seen;
    },
  };
  return page;
}
