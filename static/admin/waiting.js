// How many visitors wait for a reply: in the title, on the rail, and by the bell.
// The server counts; it says so whenever that changes.

import { find } from './dom.js';
import { takesPart } from './here.js';
import { on, onPage } from './live.js';
import { ring } from './sound.js';

const body = document.body;
let title = document.title;

let shown = 0;
/** By site: each is told of those it sees.
 * @type {Map<string, number>} */
const counts = new Map();

function learn() {
  counts.clear();
  for (const it of (body.dataset.waitingSites ?? '').split(' ').filter(Boolean)) {
    const [site = '', n] = it.split(':');
    counts.set(site, Number(n));
  }
}

function show() {
  const n = Number(body.dataset.waiting ?? 0);
  shown = n;
  document.title = n > 0 ? `(${n}) ${title}` : title;
  const badge = find('[data-count="inbox"]');
  if (!badge) return;
  badge.hidden = n === 0;
  badge.textContent = n > 99 ? '99+' : String(n);
}

/** @param {string} now  what the page is called without a count */
export function entitle(now) {
  title = now;
  show();
}

on('waiting', (item) => {
  counts.set(item.id ?? '', Number(item.data ?? 0));
  body.dataset.waiting = String([...counts.values()].reduce((sum, n) => sum + n, 0));
  show();
});

// `data` names the visitor's newest line, where one has just come.
on('conversations', (item) => {
  const row = item.node;
  if (!row || !item.data || row.dataset.waiting !== 'yes') return;
  const ours = row.dataset.assignee === '' || takesPart(row);
  const onScreen = !document.hidden && row.id === `c-${body.dataset.view}`;
  if (ours && !onScreen) ring(Number(item.data));
});

// Whoever gets his news by pages hears of it, too.
onPage((page) => {
  const before = shown;
  body.dataset.waitingSites = page.body.dataset.waitingSites;
  learn();
  show();
  if (before < shown) ring(Number(page.body.dataset.seq));
});
learn();
show();
