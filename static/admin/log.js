// The lines of the conversation on the screen: in order, once, with their ticks,
// and without moving what somebody is reading.

import { all, find } from './dom.js';
import { fetchRegion, on, onPage } from './live.js';
import { mounted } from './parts.js';

/** How near the end still counts as reading the newest. */
const NEAR = 100;

/** @type {HTMLElement | null} */
let log = null;
/** @type {HTMLElement | null} */
let lines = null;
/** @type {HTMLElement | null} */
let below = null;
export let view = '';

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

/** @type {import('./live.js').Handler} */
function takeAway(item, conversation) {
  if (item.op !== 'remove' || conversation !== view) return;
  const line = document.getElementById(item.id ?? '');
  if (line && Number(line.dataset.seq ?? 0) < (item.seq ?? 0)) keeping(() => line.remove());
}

/** @type {import('./live.js').Handler} */
function put(item, conversation) {
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
  const place = lines;
  keeping(() => {
    if (old) return old.replaceWith(line);
    const id = Number(line.dataset.id);
    const after = all(':scope > [data-id]', place).find(
      (it) => it.dataset.id === '0' || id < Number(it.dataset.id),
    );
    place.insertBefore(line, after ?? null);
  });
  if (reading && !old) showBelow();
}

/** @type {import('./live.js').Handler} */
function seen(item, conversation) {
  if (!log || conversation !== view || item.id !== 'visitor') return;
  const seen = Math.max(Number(log.dataset.seen ?? 0), Number(item.data ?? 0));
  log.dataset.seen = String(seen);
  all('[data-tick="sent"]', log).forEach(tick);
}

/** @param {Document} page */
function redraw(page) {
  const fresh = find('#log ol', page);
  if (!fresh || !lines || !log) return;
  log.dataset.seen = find('#log', page)?.dataset.seen ?? '0';
  const [place, shown] = [lines, log];
  // Old lines must not be read out as if they were news.
  shown.setAttribute('aria-busy', 'true');
  const known = new Set(all('[data-cid]', fresh).map((it) => it.dataset.cid));
  const waiting = all('[data-id="0"]', place).filter((it) => !known.has(it.dataset.cid));
  keeping(() => place.replaceChildren(...fresh.childNodes, ...waiting));
  requestAnimationFrame(() => shown.removeAttribute('aria-busy'));
}

/**
 * Earlier lines are added at the top; without a script they are a page of their own.
 * @param {MouseEvent} event
 * @param {AbortSignal} signal
 */
async function showEarlier(event, signal) {
  const link = event.target instanceof Element ? event.target.closest('[data-earlier]') : null;
  if (!(link instanceof HTMLAnchorElement) || !log || !lines || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  if (link.getAttribute('aria-busy') === 'true') return;
  link.setAttribute('aria-busy', 'true');
  const page = await fetchRegion(link.href, signal);
  link.removeAttribute('aria-busy');
  const fresh = page && find('#log ol', page);
  if (!fresh || signal.aborted) return;
  const [place, shown] = [lines, log];
  shown.setAttribute('aria-busy', 'true');
  const older = all(':scope > li', fresh).filter((it) => !document.getElementById(it.id));
  keeping(() => place.prepend(...older));
  const more = find('[data-earlier]', page);
  if (more) link.setAttribute('href', more.getAttribute('href') ?? '');
  else link.parentElement?.remove();
  if (!more) shown.focus({ preventScroll: true });
  requestAnimationFrame(() => shown.removeAttribute('aria-busy'));
}

mounted(({ root, view: shown, signal }) => {
  view = shown;
  [log, lines, below] = [find('#log', root), find('#log ol', root), find('.log-new', root)];
  if (!log || !lines) return;
  on('log', takeAway, signal);
  on('log', put, signal);
  on('seen', seen, signal);
  onPage(redraw, signal);
  below?.addEventListener('click', () => {
    toEnd();
    log?.focus({ preventScroll: true });
  });
  log.addEventListener('scroll', () => {
    if (isAtEnd() && below) below.hidden = true;
  }, { passive: true });
  root.addEventListener('click', (event) => void showEarlier(event, signal), { signal });
});
