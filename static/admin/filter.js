// What the lists are narrowed to: which entries belong on this page, and links
// that keep it so. News are drawn for all pages alike; the rest is told here.

import { all, find } from './dom.js';
import { on } from './live.js';

/** More than any time in milliseconds; see `Entry::rank`. */
const LATEST = 9_999_999_999_999;

const { query = '', facets = '', spans = '' } = find('.lists')?.dataset ?? {};
const wanted = facets.split(' ').filter(Boolean);

/** The days that are wanted, by the facet of a site.
 * @type {Map<string, { from: number, until: number }>} */
const days = new Map();
for (const it of spans.split(' ').filter(Boolean)) {
  const [site, from, until] = it.split(':');
  days.set(`site-${site}`, { from: Number(from), until: Number(until) });
}

/** The time that an entry shows: its place in the list says it.
 * @param {HTMLElement} row */
function shown(row) {
  const key = row.dataset.key ?? '';
  const at = Number(key.slice(1));
  return key.startsWith('1') ? LATEST - at : at;
}

/** Whether an entry belongs to what is wanted. @param {HTMLElement} row */
export function fits(row) {
  const own = (row.dataset.facets ?? '').split(' ');
  if (!wanted.every((it) => own.includes(it))) return false;
  if (days.size === 0) return true;
  const span = days.get(own.find((it) => days.has(it)) ?? '');
  return !!span && span.from <= shown(row) && shown(row) < span.until;
}

/** A link out of the news, which knows nothing of this page. What is not in the
 * document yet has no address that could be taken apart.
 * @param {Element | null} link */
export function carryOn(link) {
  const href = link?.getAttribute('href');
  if (query && link && href) link.setAttribute('href', `${href}${href.includes('?') ? '&' : '?'}${query}`);
}

/**
 * A choice is called otherwise by now.
 * @param {string} field @param {string} value @param {string} words
 */
export function rename(field, value, words) {
  const option = find(`#filter-${field} option[value="${CSS.escape(value)}"]`);
  if (option) option.textContent = words;
  const chip = find(`.narrowed [data-choice="${CSS.escape(`${field}=${value}`)}"]`);
  const [shown, link] = [chip && find('span', chip), chip && find('a', chip)];
  if (!shown || !link) return;
  const before = shown.textContent ?? '';
  shown.textContent = (chip?.dataset.pattern ?? '').replace('{value}', () => words);
  link.title = link.title.replace(before, () => shown.textContent ?? '');
  link.setAttribute('aria-label', link.title);
}

on('header', (item) => {
  if (item.node) carryOn(find('.thread-back', item.node));
});

on('waiting', (item) => {
  const count = find(`[data-waiting-at="${item.id}"]`);
  if (!count?.parentElement) return;
  count.textContent = item.data ?? '';
  count.parentElement.hidden = item.data === '0';
});

const sheet = find('#filter');
sheet?.addEventListener('toggle', () => {
  if (sheet.matches(':popover-open')) find('select, input[type="date"]', sheet)?.focus();
});

// What was left open does not stand in the address.
sheet?.addEventListener('formdata', (event) => {
  const { formData } = /** @type {FormDataEvent} */ (event);
  for (const [name, value] of [...formData]) if (value === '') formData.delete(name);
});
