// The lists of conversations: each entry in the list it belongs to, newest first.

import { all, find } from './dom.js';
import { fetchPage, on, onPage } from './live.js';

const body = document.body;

/** @param {string} name */
const list = (name) => find(`[data-list="${name}"]`);

/** @param {HTMLElement} row */
function home(row) {
  if (row.dataset.state === 'resolved') return list('resolved');
  return list(row.dataset.assignee === body.dataset.agent ? 'mine' : 'inbox');
}

/**
 * @param {HTMLElement} list
 * @param {HTMLElement} row
 */
function insert(list, row) {
  const key = row.dataset.key ?? '';
  const older = all(':scope > .row', list).find((it) => (it.dataset.key ?? '') < key);
  list.insertBefore(row, older ?? null);
}

on('conversations', (item) => {
  const row = item.node;
  if (!row) return;
  const old = document.getElementById(row.id);
  if (old && (item.seq ?? 0) <= Number(old.dataset.seq ?? 0)) return;
  const target = home(row);
  // A later page of a list is a look into the past: nothing new enters it.
  const enters = target && (old?.parentElement === target || !('deep' in target.dataset));
  if (!target || !enters) return old?.remove();

  row.dataset.seq = String(item.seq ?? 0);
  mark(row);
  const focused = old?.contains(document.activeElement);
  const place = old?.parentElement === target && old.dataset.key === row.dataset.key;
  if (old && place) old.replaceWith(row);
  else {
    old?.remove();
    insert(target, row);
  }
  if (focused) find('a', row)?.focus({ preventScroll: true });
});

/** @param {HTMLElement} row */
function mark(row) {
  if (row.id === `c-${body.dataset.view}`) find('a', row)?.setAttribute('aria-current', 'page');
}

onPage((page) => {
  for (const name of ['mine', 'inbox', 'resolved']) {
    const fresh = find(`[data-list="${name}"]`, page);
    if (fresh) list(name)?.replaceChildren(...fresh.childNodes);
  }
});

// "Show more" appends; without a script it leads to a page of its own.
document.addEventListener('click', async (event) => {
  const link = event.target instanceof Element ? event.target.closest('[data-more]') : null;
  if (!(link instanceof HTMLAnchorElement) || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  if (link.getAttribute('aria-busy') === 'true') return;
  link.setAttribute('aria-busy', 'true');
  const page = await fetchPage(link.href);
  link.removeAttribute('aria-busy');
  const name = list('resolved') ? 'resolved' : 'inbox';
  const fresh = page && find(`[data-list="${name}"]`, page);
  const target = list(name);
  if (!fresh || !target) return;
  const rows = all('.row', fresh).filter((it) => !document.getElementById(it.id));
  rows.forEach(mark);
  target.append(...rows);
  const more = find('[data-more]', page);
  if (more instanceof HTMLAnchorElement) link.setAttribute('href', more.getAttribute('href') ?? '');
  else link.remove();
  const first = rows[0];
  if (first) find('a', first)?.focus({ preventScroll: true });
});
