// Tells the server how far the conversation on the screen has been read: only
// while somebody can see it.

import { all, at, find, send } from './dom.js';
import { on, onPage } from './live.js';
import { isAtEnd, view } from './log.js';

const log = find('#log');
let told = 0;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let soon;

function look() {
  clearTimeout(soon);
  soon = setTimeout(tellIfSeen, 300);
}

async function tellIfSeen() {
  if (!log || !view || document.hidden || !document.hasFocus() || !isAtEnd()) return;
  const theirs = all('[data-kind="visitor"]', log).map((it) => Number(it.dataset.id));
  const upto = Math.max(0, ...theirs);
  if (upto <= told) return;
  told = upto;
  const reply = await send(at(`/inbox/${view}/seen`), { upto: String(upto) });
  if (!reply.ok) told = 0;
}

if (log) {
  on('log', look);
  onPage(look);
  log.addEventListener('scroll', look, { passive: true });
  document.addEventListener('visibilitychange', look);
  addEventListener('focus', look);
  look();
}
