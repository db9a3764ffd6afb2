// The lists of conversations: each entry in the list it belongs to, who waits
// longest first. An entry is drawn for all agents alike; how much of it this one
// has not read is counted here.

import { all, at, find } from './dom.js';
import { carryOn, fits } from './filter.js';
import { takesPart } from './here.js';
import { fetchPage, on, onPage } from './live.js';

const body = document.body;
const me = body.dataset.agent ?? '';
const words = find('.lists')?.dataset.unreadWords ?? '';
/** How many of the visitor's lines this agent has read, by entry.
 * @type {Map<string, number>} */
const read = new Map();

/** @param {string} name */
const list = (name) => find(`[data-list="${name}"]`);

/** The way to what does not stand on this page. @param {HTMLElement} list */
const wayOn = (list) => find('[data-more]', list.parentElement ?? list);

/** @param {HTMLElement} row */
function home(row) {
  if (row.dataset.state === 'resolved') return list('resolved');
  return list(takesPart(row) ? 'mine' : 'inbox');
}

/**
 * Whether an entry stands on this page. A later page of a list is a look into
 * the past, which nothing new enters; and what ranks lower than a page reaches
 * comes with "Show more".
 * @param {HTMLElement} list
 * @param {HTMLElement} row
 */
function belongs(list, row) {
  if (!fits(row)) return false;
  if ('deep' in list.dataset && document.getElementById(row.id)?.parentElement !== list) return false;
  return (row.dataset.key ?? '') >= (wayOn(list)?.dataset.rank ?? '');
}

/**
 * @param {HTMLElement} list
 * @param {HTMLElement} row
 */
function insert(list, row) {
  const key = row.dataset.key ?? '';
  const after = all(':scope > .row', list).find((it) => (it.dataset.key ?? '') < key);
  list.insertBefore(row, after ?? null);
}

/**
 * Marks only move forward, and news may come late.
 * @param {string} id
 * @param {string} marks `3:15 7:12`: agents, and how many lines each has read
 */
function learn(id, marks) {
  const own = marks.split(' ').find((it) => it.startsWith(`${me}:`));
  if (own) read.set(id, Math.max(read.get(id) ?? 0, Number(own.slice(me.length + 1))));
}

/** @param {HTMLElement} row */
function count(row) {
  const unread = Math.max(0, Number(row.dataset.lines ?? 0) - (read.get(row.id) ?? 0));
  row.dataset.unread = String(unread);
  find('.count', row)?.remove();
  // A colleague's unread lines are his business.
  if (unread === 0 || (row.dataset.assignee && !takesPart(row))) return;
  const shown = unread > 99 ? '99+' : String(unread);
  const part = (/** @type {string} */ text) => {
    const made = document.createElement('span');
    made.textContent = text;
    return made;
  };
  const [place, seen, said] = [part(''), part(shown), part(words.replace('{lines}', shown))];
  place.className = 'count';
  seen.ariaHidden = 'true';
  said.className = 'sr-only';
  place.append(seen, said);
  find('.row-end', row)?.append(place);
}

/** @param {HTMLElement} row */
function mark(row) {
  if (row.id === `c-${body.dataset.view}`) find('a', row)?.setAttribute('aria-current', 'page');
}

/**
 * Whether something newer stands there already: news may come late.
 * @param {HTMLElement | null} old
 * @param {import('./live.js').Item} item
 */
const isOld = (old, item) => !!old && (item.seq ?? 0) <= Number(old.dataset.seq ?? 0);

on('conversations', (item) => {
  const row = item.node;
  if (!row) {
    const left = item.op === 'remove' ? document.getElementById(item.id ?? '') : null;
    if (!isOld(left, item)) left?.remove();
    return;
  }
  learn(row.id, row.dataset.read ?? '');
  const old = document.getElementById(row.id);
  if (isOld(old, item)) return;
  const target = home(row);
  if (!target || !belongs(target, row)) return old?.remove();

  row.dataset.seq = String(item.seq ?? 0);
  carryOn(find('a', row));
  mark(row);
  count(row);
  const focused = old?.contains(document.activeElement);
  const place = old?.parentElement === target && old.dataset.key === row.dataset.key;
  if (old && place) old.replaceWith(row);
  else {
    old?.remove();
    insert(target, row);
  }
  if (focused) find('a', row)?.focus({ preventScroll: true });
});

on('read', (item) => {
  const id = item.id ?? '';
  learn(id, item.data ?? '');
  const row = document.getElementById(id);
  if (row) count(row);
});

/** How many entries of each list have been on the screen, and how far down it was.
 * @typedef {{ rows: Record<string, number>, top: number }} Place */

const NAMES = ['mine', 'inbox', 'resolved'];
/** Pages of a list that are fetched again, so that it stays where it was. */
const KEPT = 10;
const column = find('.lists');

/** Fetches the next page of a list, to stand below this one.
 * @param {HTMLElement} target */
async function append(target) {
  const link = wayOn(target);
  if (!(link instanceof HTMLAnchorElement) || link.getAttribute('aria-busy') === 'true') return [];
  link.setAttribute('aria-busy', 'true');
  // Without the conversation that is open: only the list is taken.
  const page = await fetchPage(at('/inbox') + link.search);
  link.removeAttribute('aria-busy');
  const fresh = page && find(`[data-list="${target.dataset.list}"]`, page);
  if (!fresh || !target.isConnected) return [];
  const rows = all('.row', fresh).filter((it) => !document.getElementById(it.id));
  for (const row of rows) {
    learn(row.id, row.dataset.read ?? '');
    mark(row);
    // It stands below the others here, and is to be found there again.
    const opens = find('a', row);
    if (!('deep' in target.dataset)) opens?.setAttribute('href', (opens.getAttribute('href') ?? '').replace(/&before=.*/, ''));
  }
  target.append(...rows);
  target.dataset.further = '';
  const more = wayOn(fresh);
  if (more instanceof HTMLAnchorElement) {
    link.search = more.search;
    link.dataset.rank = more.dataset.rank;
  } else link.parentElement?.remove();
  return rows;
}

/** Where the lists are. On a phone they are out of sight beside a conversation.
 * @param {Place} before
 * @returns {Place} */
function placeNow(before) {
  const lists = NAMES.map(list).filter((it) => it && 'further' in it.dataset);
  const rows = lists.map((it) => [it?.dataset.list, all(':scope > .row', it ?? document).length]);
  return { rows: Object.fromEntries(rows), top: column?.clientHeight ? column.scrollTop : before.top };
}

/** Brings the lists back to where they were. @param {Place} place */
async function restore({ rows, top }) {
  const back = () => column?.scrollTo({ top, behavior: 'instant' });
  let moved = false;
  const note = () => (moved = true);
  for (const type of ['wheel', 'touchmove', 'pointerdown', 'keydown']) column?.addEventListener(type, note, { once: true, passive: true });
  back();
  for (const name of Object.keys(rows)) {
    const target = list(name);
    for (let page = 1; target && page < KEPT && target.childElementCount < rows[name]; page += 1) {
      if ((await append(target)).length === 0) break;
      // Whoever reads on meanwhile is not pulled back.
      if (!moved) back();
    }
  }
}

/** @type {Place} */
let place = { rows: {}, top: 0 };

/** @param {string} address  where this tab goes now, with the lists as they are */
function keep(address) {
  place = placeNow(place);
  history.replaceState({ ...history.state, lists: place }, '');
  try {
    sessionStorage.setItem('shopbell.lists', JSON.stringify({ address, ...place }));
  } catch {
    // Without it the lists begin at their first page.
  }
}

/** What this page's entry in the history knows, or the page before has left.
 * @returns {Place | undefined} */
function left() {
  try {
    const { address, ...it } = JSON.parse(sessionStorage.getItem('shopbell.lists') ?? '{}');
    sessionStorage.removeItem('shopbell.lists');
    return history.state?.lists ?? (address === location.href ? it : undefined);
  } catch {
    return history.state?.lists;
  }
}

/** On a phone they were out of sight, and stand again where they were. */
export function comeBack() {
  column?.scrollTo({ top: place.top, behavior: 'instant' });
}

/** The entry of what is on the screen now. */
export function markCurrent() {
  for (const it of all('.row a[aria-current]')) it.removeAttribute('aria-current');
  for (const row of all('.row')) mark(row);
}

function start() {
  for (const row of all('.row')) learn(row.id, row.dataset.read ?? '');
}

onPage((page, renewed) => {
  if (renewed) read.clear();
  place = placeNow(place);
  const focused = document.activeElement?.closest('.row')?.id;
  for (const name of NAMES) {
    const fresh = find(`[data-list="${name}"]`, page)?.parentElement;
    if (fresh) list(name)?.parentElement?.replaceWith(fresh);
  }
  start();
  const focus = () => {
    // Not taken from wherever he has gone meanwhile.
    if (focused && document.activeElement === body) find(`#${focused} a`)?.focus({ preventScroll: true });
  };
  focus();
  void restore(place).then(focus);
});

document.addEventListener('click', async (event) => {
  const link = event.target instanceof Element ? event.target.closest('[data-more], [data-chat], .row a, .thread-back') : null;
  if (!(link instanceof HTMLAnchorElement) || event.ctrlKey || event.metaKey || event.shiftKey) return;
  if (!('more' in link.dataset)) return keep(link.href);
  // "Show more" appends; without a script it leads to a page of its own.
  event.preventDefault();
  const target = link.closest('.list')?.querySelector('[data-list]');
  const [first] = target instanceof HTMLElement ? await append(target) : [];
  if (first) find('a', first)?.focus({ preventScroll: true });
});

start();
place = left() ?? place;
void restore(place).then(() => find('.row a[aria-current]')?.scrollIntoView({ block: 'nearest' }));
