// The lines of the conversation on the screen: in order, once, with their ticks,
// and without moving what somebody is reading.

import { all, find } from './dom.js';
import { fetchPage, on, onPage } from './live.js';

/** How near the end still counts as reading the newest. */
const NEAR = 100;

const log = find('#log');
const lines = find('#log ol');
const below = find('.log-new');

export const view = document.body.dataset.view ?? '';

/** The number of the newest line on the screen. */
export function newest() {
  const ids = lines ? all(':scope > [data-id]', lines).map((it) => Number(it.dataset.id)) : [];
  return Math.max(0, ...ids);
}

/** The log is drawn from its end upwards, so its end is at zero. */
export function isAtEnd() {
  return !!log && Math.abs(log.scrollTop) < NEAR;
}

export function toEnd() {
  if (log) log.scrollTop = 0;
  if (below) below.hidden = true;
}

/** Says that something stands below what is on the screen. */
export function showBelow() {
  if (below) below.hidden = false;
}

/**
 * Changes the log and keeps what is being read where it is.
 * @param {() => void} change
 */
export function keeping(change) {
  if (!log || isAtEnd()) {
    change();
    return toEnd();
  }
  const top = log.getBoundingClientRect().top;
  const read = lines && all(':scope > li', lines).find((it) => it.getBoundingClientRect().bottom > top);
  const before = read?.getBoundingClientRect().top ?? 0;
  change();
  if (read?.isConnected) log.scrollTop += read.getBoundingClientRect().top - before;
}

/**
 * The line that stands for this one: the same, or the one still on its way.
 * @param {HTMLElement} line
 */
function twin(line) {
  const same = document.getElementById(line.id);
  if (same) return same;
  const cid = line.dataset.cid;
  const pending = cid ? all('[data-id="0"]', lines ?? document) : [];
  return pending.find((it) => it.dataset.cid === cid) ?? null;
}

/** @param {HTMLElement} line */
function tick(line) {
  const seen = Number(log?.dataset.seen ?? 0);
  if (line.dataset.tick === 'sent' && Number(line.dataset.id) <= seen) line.dataset.tick = 'seen';
}

on('log', (item, conversation) => {
  if (item.op !== 'remove' || conversation !== view) return;
  const line = document.getElementById(item.id ?? '');
  if (line && Number(line.dataset.seq ?? 0) < (item.seq ?? 0)) keeping(() => line.remove());
});

on('log', (item, conversation) => {
  const line = item.node;
  if (!line || !lines || !log || conversation !== view || 'deep' in log.dataset) return;
  const old = twin(line);
  if (old && (item.seq ?? 0) <= Number(old.dataset.seq ?? 0)) return;
  line.dataset.seq = String(item.seq ?? 0);
  tick(line);
  // One that has changed and is of an earlier page stands there, not here.
  const first = find(':scope > [data-id]', lines);
  if (!old && find('[data-earlier]') && Number(line.dataset.id) < Number(first?.dataset.id)) return;
  const reading = !isAtEnd();
  keeping(() => {
    if (old) return old.replaceWith(line);
    const id = Number(line.dataset.id);
    const after = all(':scope > [data-id]', lines).find(
      (it) => it.dataset.id === '0' || id < Number(it.dataset.id),
    );
    lines.insertBefore(line, after ?? null);
  });
  if (reading && !old) showBelow();
});

on('seen', (item, conversation) => {
  if (!log || conversation !== view || item.id !== 'visitor') return;
  const seen = Math.max(Number(log.dataset.seen ?? 0), Number(item.data ?? 0));
  log.dataset.seen = String(seen);
  all('[data-tick="sent"]', log).forEach(tick);
});

onPage((page) => {
  const fresh = find('#log ol', page);
  if (!fresh || !lines || !log) return;
  log.dataset.seen = find('#log', page)?.dataset.seen ?? '0';
  // Old lines must not be read out as if they were news.
  log.setAttribute('aria-busy', 'true');
  const known = new Set(all('[data-cid]', fresh).map((it) => it.dataset.cid));
  const waiting = all('[data-id="0"]', lines).filter((it) => !known.has(it.dataset.cid));
  keeping(() => lines.replaceChildren(...fresh.childNodes, ...waiting));
  requestAnimationFrame(() => log.removeAttribute('aria-busy'));
});

below?.addEventListener('click', () => {
  toEnd();
  log?.focus({ preventScroll: true });
});

log?.addEventListener('scroll', () => {
  if (isAtEnd() && below) below.hidden = true;
}, { passive: true });

// Earlier lines are added at the top; without a script they are a page of their own.
document.addEventListener('click', async (event) => {
  const link = event.target instanceof Element ? event.target.closest('[data-earlier]') : null;
  if (!(link instanceof HTMLAnchorElement) || !log || !lines || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  if (link.getAttribute('aria-busy') === 'true') return;
  link.setAttribute('aria-busy', 'true');
  const page = await fetchPage(link.href);
  link.removeAttribute('aria-busy');
  const fresh = page && find('#log ol', page);
  if (!fresh) return;
  log.setAttribute('aria-busy', 'true');
  const older = all(':scope > li', fresh).filter((it) => !document.getElementById(it.id));
  keeping(() => lines.prepend(...older));
  const more = find('[data-earlier]', page);
  if (more) link.setAttribute('href', more.getAttribute('href') ?? '');
  else link.parentElement?.remove();
  if (!more) log.focus({ preventScroll: true });
  requestAnimationFrame(() => log.removeAttribute('aria-busy'));
});
