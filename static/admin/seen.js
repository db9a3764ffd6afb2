// Tells the server how far the conversation on the screen has been read: only
// while somebody can see it, and only what has been on the screen. Whoever comes
// back begins where he left off, so that nothing unread stays above it unseen.

import { all, at, find, send } from './dom.js';
import { on, onPage } from './live.js';
import { showBelow, view } from './log.js';

/** So much of a line has to be in sight, in pixels. */
const SIGHT = 16;

const log = find('#log');
let told = Number(log?.dataset.read ?? 0);
/** @type {ReturnType<typeof setTimeout> | undefined} */
let soon;

function theirs() {
  return log ? all('[data-kind="visitor"]', log) : [];
}

/** Whether something of the visitor's has not been on the screen yet. */
export const isUnread = () => theirs().some((it) => told < Number(it.dataset.id));

function look() {
  clearTimeout(soon);
  soon = setTimeout(tellIfSeen, 300);
}

async function tellIfSeen() {
  if (!log || !view || document.hidden || !document.hasFocus()) return;
  const edge = log.getBoundingClientRect().bottom - SIGHT;
  const shown = theirs().filter((it) => it.getBoundingClientRect().top < edge);
  const upto = Math.max(0, ...shown.map((it) => Number(it.dataset.id)));
  if (upto <= told) return;
  const before = told;
  told = upto;
  const reply = await send(at(`/inbox/${view}/seen`), { upto: String(upto) });
  if (!reply.ok) told = before;
}

/** A conversation that is new to him opens at its end. */
function begin() {
  if (!log || told === 0) return;
  const first = theirs().find((it) => told < Number(it.dataset.id));
  if (!first) return;
  const above = first.getBoundingClientRect().top - log.getBoundingClientRect().top - SIGHT;
  if (0 <= above) return;
  log.scrollTop += above;
  showBelow();
}

if (log) {
  on('log', look);
  onPage((page, renewed) => {
    if (renewed) told = Number(find('#log', page)?.dataset.read ?? 0);
    look();
  });
  log.addEventListener('scroll', look, { passive: true });
  document.addEventListener('visibilitychange', look);
  addEventListener('focus', look);
  begin();
  look();
}
