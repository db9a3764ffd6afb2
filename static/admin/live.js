// The socket: news in, signals out. It resumes where it broke off, and fetches
// the page afresh where it cannot. What to do with a piece of news is for the
// files that own a part of the page; they say so with `on`.

import { all, at, find, startAfresh } from './dom.js';

/** One piece of news, as the server sends it; `node` is `html` made ready.
 * @typedef {object} Item
 * @property {number} [seq]
 * @property {string} op
 * @property {string} [list]
 * @property {string} [id]
 * @property {string} [key]
 * @property {string} [html]
 * @property {string} [data]
 * @property {string} [conversation]
 * @property {string} [who]
 * @property {string} [name]
 * @property {string | null} [text]
 * @property {boolean} [on]
 * @property {boolean} [ok]
 * @property {HTMLElement} [node]
 */

/** @typedef {(item: Item, rest: string) => void} Handler */

const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 30_000;
const PING = 20_000;
const DEAD = 45_000;
/** How long a socket may take to open. */
const DIAL = 15_000;
/** Without a socket, how often pages are asked for news. */
const ASK = 10_000;

/** @type {Map<string, Handler[]>} */
const handlers = new Map();
/** @typedef {(page: Document, renewed: boolean) => void} PageHandler */

/** @type {PageHandler[]} */
const pageHandlers = [];
/** @type {((connected: boolean) => void)[]} */
const stateHandlers = [];

const body = document.body;
let position = Number(body.dataset.seq ?? 0);
let epoch = body.dataset.epoch ?? '';
/** @type {WebSocket | null} */
let socket = null;
let heard = 0;
let failures = 0;
let stopped = false;
let ready = false;
/** Pages come, a socket does not: something on the way lets none pass. */
let byPages = false;
/** How many pages came in a row since the socket was lost. */
let came = 0;
let asking = false;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let retry;
/** @type {Item[]} */
let queue = [];

// The only place where markup is made of a string: what our own server drew.
const trustedTypes = /** @type {any} */ (window).trustedTypes;
const policy = trustedTypes?.createPolicy('shopbell', {
  createHTML: (/** @type {string} */ html) => html,
});

/** @param {string} html */
function trust(html) {
  return /** @type {string} */ (policy ? policy.createHTML(html) : html);
}

/**
 * @param {string} html
 * @returns {HTMLElement | undefined}
 */
function fragment(html) {
  const template = document.createElement('template');
  template.innerHTML = trust(html.trim());
  const node = template.content.firstElementChild;
  return node instanceof HTMLElement ? node : undefined;
}

/** What our own server drew, to take parts from. @param {string} html */
export function parse(html) {
  return new DOMParser().parseFromString(trust(html), 'text/html');
}

/**
 * A page of ours, to take parts from. Null where it cannot be had.
 * @param {string} url
 */
export async function fetchPage(url) {
  try {
    const response = await fetch(url, { headers: { accept: 'text/html' } });
    if (response.url.split('?')[0] === at('/login')) leave();
    if (!response.ok) return null;
    return parse(await response.text());
  } catch {
    return null;
  }
}

/**
 * Says who handles news of a kind: the first word of a list's name, or what a
 * passing signal is called.
 * @param {string} kind
 * @param {Handler} handler
 */
export function on(kind, handler) {
  handlers.set(kind, [...(handlers.get(kind) ?? []), handler]);
}

/** @param {PageHandler} handler  after the page was fetched afresh; `renewed`: the
 * database is another one, and positions of before mean nothing any more */
export function onPage(handler) {
  pageHandlers.push(handler);
}

/** @param {(connected: boolean) => void} handler */
export function onState(handler) {
  stateHandlers.push(handler);
}

export function isConnected() {
  return socket?.readyState === WebSocket.OPEN;
}

/** @param {object} signal */
export function tell(signal) {
  if (isConnected()) socket?.send(JSON.stringify(signal));
}

/**
 * Draws news that came with an answer; the socket brings the same again.
 * @param {Item[]} items
 */
export function apply(items) {
  for (const item of items) {
    const list = item.list ?? item.op;
    const dash = list.indexOf('-');
    const kind = dash < 0 ? list : list.slice(0, dash);
    if (item.html) item.node = fragment(item.html);
    for (const handler of handlers.get(kind) ?? []) handler(item, list.slice(dash + 1));
  }
}

function drain() {
  const items = queue;
  queue = [];
  apply(items);
  for (const item of items) position = Math.max(position, item.seq ?? 0);
}

/** @param {Item[]} items */
function take(items) {
  if (queue.length === 0) {
    // Nothing is painted behind other windows, but the title and the bell must
    // know all the same.
    if (document.hidden) setTimeout(drain, 0);
    else requestAnimationFrame(drain);
  }
  queue.push(...items);
}

// A frame that was waiting for paint when the page was hidden.
document.addEventListener('visibilitychange', () => {
  if (document.hidden && queue.length > 0) drain();
});

/** Fetches the page afresh; what is being written stays. */
export async function refresh() {
  const page = await fetchPage(location.href);
  if (page) redraw(page);
  return page !== null;
}

/** @param {Document} page */
function redraw(page) {
  position = Number(page.body.dataset.seq ?? 0);
  const renewed = epoch !== (page.body.dataset.epoch ?? '');
  epoch = page.body.dataset.epoch ?? '';
  body.dataset.epoch = epoch;
  body.dataset.waiting = page.body.dataset.waiting;
  queue = [];
  for (const handler of pageHandlers) handler(page, renewed);
}

/** @param {any} frame */
function hear(frame) {
  if (Array.isArray(frame)) return take(frame);
  switch (frame.t) {
    case undefined:
      return take([frame]);
    case 'welcome':
      failures = 0;
      byPages = false;
      came = 0;
      epoch = frame.epoch;
      if (!frame.missed) position = Math.max(position, frame.seq);
      return announce(true);
    case 'reload':
      // He may do or see something else now: nothing of this page can be kept.
      if (frame.region === 'all') return startAfresh();
      drop();
      return void refresh().then(again);
    case 'signed_out':
      return leave();
  }
}

function connect() {
  clearTimeout(retry);
  if (!ready || socket || stopped || asking || !navigator.onLine) return;
  const url = new URL(at('/live'));
  url.protocol = url.protocol.replace('http', 'ws');
  url.search = new URLSearchParams({
    after: String(position),
    epoch,
    view: body.dataset.view ?? '',
    look: body.dataset.look ?? '',
    // What else is on this page, and who may see it, its room knows.
    topics: [...new Set(all('[data-topic]').map((it) => it.dataset.topic))].join(','),
  }).toString();
  const made = new WebSocket(url);
  socket = made;
  heard = Date.now();
  made.onmessage = (event) => {
    heard = Date.now();
    if (socket === made) hear(JSON.parse(event.data));
  };
  made.onclose = (event) => {
    if (socket !== made) return;
    socket = null;
    announce(false);
    if (event.code === 4001) leave();
    else if (event.code === 4002) void refresh().then(again);
    else if (event.code !== 4003) again();
  };
}

function drop() {
  const old = socket;
  socket = null;
  old?.close();
}

/** Full jitter: after an outage not everybody comes back at once. */
function again() {
  clearTimeout(retry);
  const most = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** failures);
  failures += 1;
  if (failures === 3) void findOutWhetherSignedIn();
  if (3 <= failures) void askByPages(most);
  else retry = setTimeout(connect, 100 + Math.random() * most);
}

/**
 * What a socket would have brought, fetched between two attempts to open one.
 * Nothing is drawn again where nothing happened: who reads keeps his place.
 * @param {number} most the longest pause before the next attempt, in milliseconds
 */
async function askByPages(most) {
  if (asking || stopped) return;
  asking = true;
  const page = navigator.onLine ? await fetchPage(location.href) : null;
  asking = false;
  came = page ? came + 1 : 0;
  // The first page may mean that the server is back, sockets and all.
  byPages = 1 < came;
  const seq = page?.body.dataset.seq;
  if (page && (Number(seq) !== position || page.body.dataset.epoch !== epoch)) redraw(page);
  if (byPages) explain();
  const pause = page ? FIRST_PAUSE : most;
  retry = setTimeout(connect, byPages ? ASK : 100 + Math.random() * pause);
}

/** A refused socket does not say why; a page does. */
async function findOutWhetherSignedIn() {
  const asked = fetch(at('/me'), { method: 'HEAD', redirect: 'manual' }).catch(() => null);
  const answer = await asked;
  if (answer?.type === 'opaqueredirect' || answer?.status === 401) leave();
}

/** The session is over. Drafts are kept; sign-in leads back here. */
function leave() {
  stopped = true;
  startAfresh();
}

/** @type {ReturnType<typeof setTimeout> | undefined} */
let worry;

/** Says why there is no socket: the two are told apart by whether pages come. */
function explain() {
  const broken = !isConnected() && !stopped;
  const offline = find('#banner-offline');
  const still = find('#banner-by-pages');
  if (offline) offline.hidden = !broken || byPages;
  if (still) still.hidden = !broken || !byPages;
}

/** @param {boolean} connected */
function announce(connected) {
  clearTimeout(worry);
  if (connected) explain();
  // A short break is nobody's business.
  else worry = setTimeout(explain, 5000);
  for (const handler of stateHandlers) handler(connected);
}

function now() {
  if (!byPages) failures = 0;
  connect();
}

on('storage', (item) => {
  const banner = find('#banner-storage');
  if (banner) banner.hidden = item.ok === true;
});

addEventListener('online', now);
addEventListener('offline', () => {
  drop();
  announce(false);
});
addEventListener('pageshow', now);
// An open socket would keep the page out of the back-forward cache.
addEventListener('pagehide', drop);
document.addEventListener('visibilitychange', () => {
  if (!document.hidden) now();
});
setInterval(() => {
  if (!socket) return;
  const silence = Date.now() - heard;
  if ((isConnected() ? DEAD : DIAL) < silence) {
    drop();
    announce(false);
    again();
  } else if (PING < silence) tell({ t: 'ping' });
}, 5000);

// Not before every file of this page has said what it handles: news that nobody
// takes is lost.
addEventListener('DOMContentLoaded', () => {
  ready = true;
  connect();
});
