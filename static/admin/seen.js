// Tells the server how far the conversation on the screen has been read: only
// while somebody can see it, and only what has been on the screen. Whoever comes
// back begins where he left off, so that nothing unread stays above it unseen.

import { all, at, find, send } from './dom.js';
import { on, onPage } from './live.js';
import { showBelow } from './log.js';
import { mounted } from './parts.js';

/** So much of a line has to be in sight, in pixels. */
const SIGHT = 16;

/** Whether something of the visitor's has not been on the screen yet. */
export let isUnread = () => false;

mounted(({ root, view, signal }) => {
  isUnread = () => false;
  const log = find('#log', root);
  if (!log || !view) return;
  let told = Number(log.dataset.read ?? 0);
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let soon;

  const theirs = () => all('[data-kind="visitor"]', log);
  const unread = () => theirs().filter((it) => told < Number(it.dataset.id));
  isUnread = () => unread().length > 0;

  const look = () => {
    clearTimeout(soon);
    if (!signal.aborted) soon = setTimeout(tellIfSeen, 300);
  };

  const tellIfSeen = async () => {
    if (signal.aborted || document.hidden || !document.hasFocus()) return;
    const edge = log.getBoundingClientRect().bottom - SIGHT;
    const shown = theirs().filter((it) => it.getBoundingClientRect().top < edge);
    const upto = Math.max(0, ...shown.map((it) => Number(it.dataset.id)));
    if (upto <= told) return;
    const before = told;
    told = upto;
    const reply = await send(at(`/inbox/${view}/seen`), { upto: String(upto) });
    if (!reply.ok) told = before;
  };

  /** A conversation that is new to him opens at its end. */
  const begin = () => {
    const [first] = told === 0 ? [] : unread();
    if (!first) return;
    const above = first.getBoundingClientRect().top - log.getBoundingClientRect().top - SIGHT;
    if (0 <= above) return;
    log.scrollTop += above;
    showBelow();
  };

  on('log', look, signal);
  onPage((page, renewed) => {
    if (renewed) told = Number(find('#log', page)?.dataset.read ?? 0);
    look();
  }, signal);
  log.addEventListener('scroll', look, { passive: true });
  document.addEventListener('visibilitychange', look, { signal });
  addEventListener('focus', look, { signal });
  begin();
  look();
});
