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

/** The least time between two looks, in milliseconds: whoever runs through a list looks
 * at what he stops at. */
const LOOK = 250;
/** How long a page may take. */
const LATE = 20_000;

/** @type {Map<string, Set<Handler>>} */
const handlers = new Map();
/** @typedef {(page: Document, renewed: boolean) => void} PageHandler */

/** @type {Set<PageHandler>} */
const pageHandlers = new Set();
/** @type {Set<(connected: boolean) => void>} */
const stateHandlers = new Set();
/** @type {() => void} */
let lost = () => {};

const body = document.body;
let position = Number(body.dataset.seq ?? 0);
let epoch = body.dataset.epoch ?? '';
/** @type {WebSocket | null} */
let socket = null;
let heard = 0;
let failures = 0;
let stopped = false;
let ready = false;
/** The socket has said that it is there. */
let greeted = false;
/** Pages come, a socket does not: something on the way lets none pass. */
let byPages = false;
/** How many pages came in a row since the socket was lost. */
let came = 0;
let asking = false;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let retry;
/** @type {Item[]} */
let queue = [];
/** Where the journal stood when the conversation on the screen was drawn, for as long as
 * nobody has told what has come there since. */
let looksFrom = Infinity;
let wantsToLook = false;
let lookedAt = 0;
/** Looks that were not answered yet. */
let unanswered = 0;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let nextLook;

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
export const fetchPage = (url) => fetchAs(url, {});

/**
 * What stands beside the lists at this address, and nothing else.
 * @param {string} url
 * @param {AbortSignal} signal
 */
export const fetchRegion = (url, signal) => fetchAs(url, { 'shopbell-region': '1' }, signal);

/**
 * @param {string} url
 * @param {Record<string, string>} headers
 * @param {AbortSignal} [signal]
 * @returns {Promise<Document | null>}
 */
async function fetchAs(url, headers, signal) {
  const late = AbortSignal.timeout(LATE);
  try {
    const response = await fetch(url, {
      headers: { accept: 'text/html', ...headers },
      signal: signal ? AbortSignal.any([signal, late]) : late,
    });
    if (response.url.split('?')[0] === at('/login')) {
      leave(url);
      return new Promise(() => {});
    }
    // What is gone has a page of its own, with the lists as they are.
    if (!response.ok && response.status !== 404) return null;
    const page = parse(await response.text());
    return response.ok || page.body.dataset.epoch ? page : null;
  } catch {
    return null;
  }
}

/**
 * Says who handles news of a kind: the first word of a list's name, or what a
 * passing signal is called.
 * @param {string} kind
 * @param {Handler} handler
 * @param {AbortSignal} [signal]
 */
export function on(kind, handler, signal) {
  const all = handlers.get(kind) ?? new Set();
  handlers.set(kind, all);
  enter(all, handler, signal);
}

/**
 * Until the signal says that it is over.
 * @template T
 * @param {Set<T>} all
 * @param {T} it
 * @param {AbortSignal} [signal]
 */
function enter(all, it, signal) {
  all.add(it);
  signal?.addEventListener('abort', () => all.delete(it), { once: true });
}

/** @param {PageHandler} handler  after the page was fetched afresh; `renewed`: the
 * database is another one, and positions of before mean nothing any more
 * @param {AbortSignal} [signal] */
export function onPage(handler, signal) {
  enter(pageHandlers, handler, signal);
}

/** @param {(connected: boolean) => void} handler @param {AbortSignal} [signal] */
export function onState(handler, signal) {
  enter(stateHandlers, handler, signal);
}

/** @param {() => void} handler  where the conversation has to be fetched afresh */
export function onLost(handler) {
  lost = handler;
}

export function isConnected() {
  return socket?.readyState === WebSocket.OPEN;
}

/** @param {object} signal */
export function tell(signal) {
  if (isConnected()) socket?.send(JSON.stringify(signal));
}

/**
 * Another conversation is on the screen, or none: from now on its news are wanted, and
 * what has come since it was drawn.
 * @param {number} seq
 */
export function look(seq) {
  looksFrom = seq;
  wantsToLook = true;
  sayLook();
}

function sayLook() {
  clearTimeout(nextLook);
  if (!wantsToLook || !greeted || !isConnected()) return;
  const wait = lookedAt + LOOK - Date.now();
  if (0 < wait) {
    nextLook = setTimeout(sayLook, wait);
    return;
  }
  wantsToLook = false;
  lookedAt = Date.now();
  unanswered += 1;
  const conversation = body.dataset.view ?? '';
  tell({ t: 'look', conversation, after: looksFrom, epoch, topics: topics('.middle [data-topic]') });
}

/** A look was answered; only the last of them says that nothing is missing. */
function answered() {
  unanswered -= 1;
  if (!wantsToLook && unanswered === 0) looksFrom = Infinity;
}

/** What else is on this page, and who may see it, its room knows. @param {string} where */
const topics = (where) => [...new Set(all(where).map((it) => it.dataset.topic))].join(',');

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

/** Fetches the page afresh; what is being written stays.
 * @returns {Promise<boolean>} */
export async function refresh() {
  const asked = location.href;
  const page = await fetchPage(asked);
  // Something else is on the screen meanwhile.
  if (location.href !== asked) return refresh();
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
      greeted = true;
      failures = 0;
      byPages = false;
      came = 0;
      epoch = frame.epoch;
      if (!frame.missed) position = Math.max(position, frame.seq);
      announce(true);
      return sayLook();
    case 'look':
      answered();
      // What came before it is older.
      drain();
      if (frame.at === (body.dataset.view ?? '')) apply(frame.items);
      return;
    case 'reload':
      // He may do or see something else now: nothing of this page can be kept.
      if (frame.region === 'all') return startAfresh();
      if (frame.region === 'thread') {
        answered();
        return lost();
      }
      drop();
      return void refresh().then(again);
    case 'signed_out':
      return leave();
  }
}

function connect() {
  clearTimeout(retry);
  if (!ready || socket || stopped || asking || !navigator.onLine) return;
  position = Math.min(position, looksFrom);
  greeted = false;
  unanswered = 0;
  // With what else it shows, a conversation is looked at once the socket is there.
  wantsToLook = !!find('.middle [data-topic]');
  looksFrom = wantsToLook ? position : Infinity;
  const url = new URL(at('/live'));
  url.protocol = url.protocol.replace('http', 'ws');
  url.search = new URLSearchParams({
    after: String(position),
    epoch,
    view: body.dataset.view ?? '',
    look: body.dataset.look ?? '',
    topics: topics(':not(.middle *)[data-topic]'),
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
  const asked = location.href;
  const page = navigator.onLine ? await fetchPage(asked) : null;
  asking = false;
  came = page ? came + 1 : 0;
  // The first page may mean that the server is back, sockets and all.
  byPages = 1 < came;
  const seq = page?.body.dataset.seq;
  const isHere = location.href === asked;
  if (page && isHere && (Number(seq) !== position || page.body.dataset.epoch !== epoch)) redraw(page);
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

/** The session is over. Drafts are kept; sign-in leads back here.
 * @param {string} [to]  or there */
function leave(to = location.href) {
  stopped = true;
  if (to !== location.href) history.replaceState(history.state, '', to);
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
