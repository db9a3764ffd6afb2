// Another conversation takes the place of the one on the screen, and nothing else moves:
// the lists stay as they are, with their scroll, the socket and what is being written.
// Every conversation has its address, and without a script that is a page of its own.

import { all, at, find } from './dom.js';
import { takesPart } from './here.js';
import { fetchRegion, look, onLost, onPage, onState } from './live.js';
import { comeBack, markCurrent } from './lists.js';
import { putUp, takeDown } from './parts.js';
import { entitle } from './waiting.js';

/** Milliseconds before a sign that something is on its way. */
const SLOW = 150;
/** And before what could not be had by itself is asked for again. */
const AGAIN = 2000;
/** Entries of the history whose place in the log is known. */
const KEPT = 200;
/** What an address says of the log, and not of the lists beside it. */
const LOG = ['earlier', 'note'];

const { body } = document;
const main = find('#main');
const middle = find('.middle');
const said = find('#region-said');

/** Where the hand goes once it is there: it stays in the lists, or takes up the next deed.
 * @typedef {'stays' | 'goes'} Hand */

/** @param {URL} url  empty for the lists alone; null for what is no place of ours */
function keyOf(url) {
  const inbox = new URL(at('/inbox'));
  if (url.origin !== inbox.origin || !`${url.pathname}/`.startsWith(`${inbox.pathname}/`)) return null;
  const key = url.pathname.slice(inbox.pathname.length + 1);
  return key.includes('/') ? null : key;
}

/** The lists that an address asks for. @param {URL} url */
function listsOf(url) {
  const query = new URLSearchParams(url.search);
  for (const name of LOG) query.delete(name);
  query.sort();
  return query.toString();
}

const lists = listsOf(new URL(location.href));
/** What is on the screen, or was asked for in vain. */
let address = location.href;
let failed = false;
/** @type {AbortController | undefined} */
let going;

/* Where the log of each entry of the history was. */

/** @type {Map<number, number>} */
const tops = new Map();
let entry = numbered(history.state);

/** @param {any} state @returns {number} */
function numbered(state) {
  if (typeof state?.entry === 'number') return state.entry;
  const made = Date.now() + Math.random();
  history.replaceState({ ...history.state, entry: made }, '');
  return made;
}

function keepPlace() {
  const log = find('#log');
  if (!log) return;
  tops.delete(entry);
  tops.set(entry, log.scrollTop);
  const [oldest] = tops.keys();
  if (KEPT < tops.size) tops.delete(oldest);
}

/**
 * @param {string} href
 * @param {{ hand?: Hand, isBack?: boolean }} [how]
 */
async function go(href, { hand = 'goes', isBack = false } = {}) {
  const url = new URL(href);
  const key = keyOf(url);
  if (!middle || key === null || listsOf(url) !== lists) return void (location.href = href);
  going?.abort();
  const mine = new AbortController();
  going = mine;
  light(key);
  const isSame = key === body.dataset.view;
  // What is pressed from here on is meant for what is on its way.
  middle.inert = !isSame;
  const slow = setTimeout(() => main?.setAttribute('data-loading', ''), SLOW);
  const page = await fetchRegion(href, mine.signal);
  clearTimeout(slow);
  if (going !== mine) return;
  going = undefined;
  const its = page?.body.dataset;
  if (!page || !its?.epoch) return fail(href, key, isBack);
  // Drawn for somebody else, for one who may do something else, or from another database.
  const isOurs = ['agent', 'look', 'epoch'].every((it) => its[it] === body.dataset[it]);
  if (!isOurs) return void (location.href = href);
  for (const it of all('noscript', page)) it.remove();
  const caret = isSame ? caretNow() : null;
  enter(href, isBack);
  put([...page.body.childNodes], { view: its.view, title: its.title, taken: 'taken' in its });
  failed = false;
  const top = isBack ? tops.get(entry) : undefined;
  if (top !== undefined) find('#log')?.scrollTo({ top, behavior: 'instant' });
  look(Number(its.seq));
  if (caret) caret();
  else settle(key, hand);
}

/** Puts whoever is writing back to where he was. */
function caretNow() {
  const at = document.activeElement;
  if (!(at instanceof HTMLTextAreaElement) || at.id !== 'body') return null;
  const { selectionStart, selectionEnd } = at;
  return () => {
    const box = find('#body');
    box?.focus({ preventScroll: true });
    if (box instanceof HTMLTextAreaElement) box.setSelectionRange(selectionStart, selectionEnd);
  };
}

/** The entry that was touched, at once. @param {string} key */
function light(key) {
  for (const it of all('.row a[aria-current]')) it.removeAttribute('aria-current');
  document.getElementById(`c-${key}`)?.querySelector('a')?.setAttribute('aria-current', 'page');
}

/** @param {string} href @param {boolean} isBack */
function enter(href, isBack) {
  keepPlace();
  takeDown();
  if (isBack) entry = numbered(history.state);
  else if (href !== location.href) {
    history.pushState({ entry: (entry = Date.now() + Math.random()) }, '', href);
  }
  address = href;
}

/**
 * @param {Node[]} nodes
 * @param {{ view?: string, title?: string, taken: boolean }} its
 */
function put(nodes, { view = '', title = '', taken }) {
  const had = main?.classList.contains('has-thread');
  body.dataset.view = view;
  main?.removeAttribute('data-loading');
  main?.classList.toggle('has-thread', taken);
  if (middle) {
    middle.replaceChildren(...nodes);
    middle.inert = false;
  }
  entitle(title);
  moveLists();
  if (view) markCurrent();
  putUp();
  if (had && !taken) comeBack();
}

/** What the lists lead to stands beside them: their filter keeps it there. */
function moveLists() {
  const here = new URL(address).pathname;
  for (const it of all('.lists a[data-here]')) if (it instanceof HTMLAnchorElement) it.pathname = here;
  find('form[data-narrow]')?.setAttribute('action', here);
}

/** @param {string} href @param {string} key @param {boolean} isBack */
function fail(href, key, isBack) {
  const template = find('#region-failed');
  if (!(template instanceof HTMLTemplateElement)) return;
  enter(href, isBack);
  failed = true;
  const told = /** @type {DocumentFragment} */ (template.content.cloneNode(true));
  put([told], { title: template.dataset.title, taken: key !== '' });
  light(key);
  look(Number(body.dataset.seq));
  const again = find('[data-again]', middle ?? document);
  again?.addEventListener('click', () => void go(href, { isBack: true }));
  if (document.activeElement === body) again?.focus({ preventScroll: true });
}

/** @param {string} key @param {Hand} hand */
function settle(key, hand) {
  const part = find('.thread', middle ?? document);
  if (said) said.textContent = part?.ariaLabel ?? '';
  const at = document.activeElement;
  if (at?.matches('input, textarea, select, [popover] *, dialog *')) return;
  if (hand === 'goes') next(key)?.focus({ preventScroll: true });
  else if (at === body) (find(`#c-${key} a`) ?? next(key))?.focus({ preventScroll: true });
}

/** What the hand takes up next. @param {string} key */
function next(key) {
  if (!key) return find('.row a[data-last]') ?? main;
  // The keys of a phone cover half of it, and come when they are asked for.
  if (matchMedia('(pointer: coarse)').matches) return find('#log') ?? middle;
  const places = ['#body', '[data-send="join"] button', '#log', '.nothing-open a'];
  return places.flatMap((it) => all(it, middle ?? document)).find((it) => it.checkVisibility()) ?? middle;
}

document.addEventListener('click', (event) => {
  const link = event.target instanceof Element ? event.target.closest('a[href]') : null;
  if (!(link instanceof HTMLAnchorElement) || event.defaultPrevented || event.button !== 0) return;
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  if (link.target || link.hasAttribute('download') || link.hash || !middle) return;
  const url = new URL(link.href);
  if (keyOf(url) === null || listsOf(url) !== lists) return;
  event.preventDefault();
  // At the end of the list J leads nowhere.
  const isKey = !event.isTrusted;
  if (isKey && link.href === address && !going && !failed) return;
  for (const it of all('[data-last]')) it.removeAttribute('data-last');
  find('.row a[aria-current]')?.setAttribute('data-last', '');
  void go(link.href, { hand: isKey && link.closest('.row') ? 'stays' : 'goes' });
});

addEventListener('popstate', () => {
  if (location.href.split('#')[0] === address.split('#')[0] && !going) return;
  if (keyOf(new URL(location.href)) === null) return location.reload();
  find('.row a[aria-current]')?.setAttribute('data-last', '');
  void go(location.href, { hand: 'stays', isBack: true });
});

/** Who waits longest, of those who wait for him or for nobody yet. */
function nextWaiting() {
  const others = all('.row[data-waiting="yes"]').filter((it) => it.id !== `c-${body.dataset.view}`);
  const row = others.find((it) => it.dataset.assignee === '' || takesPart(it));
  return row ? find('a', row) : null;
}

document.addEventListener('shopbell:sent', (event) => {
  const { send, next } = /** @type {CustomEvent} */ (event).detail;
  const link = send === 'resolve' ? nextWaiting() : null;
  link?.focus({ preventScroll: true });
  link?.scrollIntoView({ block: 'nearest' });
  if (next !== undefined) link?.click();
});

/* What could not be had, or was lost, comes by itself when it can. */

let asked = 0;
onLost(() => {
  const wait = Math.max(0, asked + AGAIN - Date.now());
  asked = Date.now() + wait;
  const href = address;
  setTimeout(() => {
    if (href === address && !going) void go(href, { hand: 'stays', isBack: true });
  }, wait);
});

onState((connected) => {
  if (connected && failed && !going) void go(address, { hand: 'stays', isBack: true });
});

// The page as a whole was fetched, and something else stands in the middle of it.
onPage((page) => {
  const fresh = find('.middle', page);
  if (!fresh || going || (page.body.dataset.view === body.dataset.view && !failed)) return;
  takeDown();
  failed = false;
  const taken = !!find('#main.has-thread', page);
  put([...fresh.childNodes], { view: page.body.dataset.view, title: page.title, taken });
});
