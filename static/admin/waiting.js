// How many visitors wait: in the title, on the rail, and by the bell.

import { all, find } from './dom.js';
import { fetchPage, on, onPage } from './live.js';
import { ring } from './sound.js';

const body = document.body;
const title = document.title;
/** Unread lines of each conversation that we have seen anything of.
 * @type {Map<string, number>} */
const unread = new Map();
/** Waiting conversations that are on no list of this page. */
let elsewhere = 0;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let asking;

/** @param {HTMLElement} row */
function count(row) {
  return row.dataset.state === 'open' ? Number(row.dataset.unread ?? 0) : 0;
}

function start() {
  unread.clear();
  for (const row of all('.row')) unread.set(row.id, count(row));
  elsewhere = Math.max(0, Number(body.dataset.waiting ?? 0) - waiting());
  show();
}

function waiting() {
  return [...unread.values()].filter((it) => it > 0).length;
}

function show() {
  const n = waiting() + elsewhere;
  document.title = n > 0 ? `(${n}) ${title}` : title;
  const dot = find('[data-waiting-dot]');
  if (dot) dot.hidden = n === 0;
}

/** What was waiting elsewhere and has now been heard of cannot be told from what
 * is new, so the server is asked, once for all that comes within a second. */
function recount() {
  clearTimeout(asking);
  asking = setTimeout(async () => {
    const page = await fetchPage(location.href);
    if (!page) return;
    elsewhere = Math.max(0, Number(page.body.dataset.waiting ?? 0) - waiting());
    show();
  }, 1000);
}

on('conversations', (item) => {
  const row = item.node;
  if (!row) return;
  const before = unread.get(row.id);
  const after = count(row);
  if (before === undefined && elsewhere > 0) recount();
  unread.set(row.id, after);
  show();

  const mine = row.dataset.assignee === '' || row.dataset.assignee === body.dataset.agent;
  const onScreen = !document.hidden && row.id === `c-${body.dataset.view}`;
  if (after > (before ?? 0) && mine && !onScreen) ring(item.seq);
});

onPage(start);
start();
