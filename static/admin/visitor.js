// The panel about the visitor: open where there is room, languages by name, and
// drawn afresh by the server when what it shows has changed.

import { all, find } from './dom.js';
import { on, onPage } from './live.js';
import { mounted } from './parts.js';

/** What an address says of the log, and not of the lists beside it. */
const LOG = ['earlier', 'note'];

const wide = matchMedia('(width >= 75rem)');

function draw() {
  const fold = find('.visitor-fold');
  if (fold instanceof HTMLDetailsElement) fold.open = wide.matches || fold.dataset.opened === '1';
  // Another chat opens with the lists as they are.
  const query = new URLSearchParams(location.search);
  for (const name of LOG) query.delete(name);
  for (const it of all('#visitor [data-chat]')) if (it instanceof HTMLAnchorElement) it.search = query.toString();
  const lang = document.documentElement.lang;
  for (const it of all('[data-lang-name]')) {
    try {
      const names = new Intl.DisplayNames(lang, { type: 'language' });
      it.textContent = names.of(it.dataset.langName ?? '') ?? it.textContent;
    } catch {
      // Not a language we can name; its code stays.
    }
  }
}

/** @param {HTMLElement} fresh */
function replace(fresh) {
  const old = find('#visitor');
  if (!old) return;
  const [fold, freshFold] = [find('details', old), find('details', fresh)];
  if (fold instanceof HTMLDetailsElement && freshFold && fold.open) freshFold.dataset.opened = '1';
  const focused = old.contains(document.activeElement) && document.activeElement?.localName;
  old.replaceWith(fresh);
  draw();
  if (focused) find(focused, fresh)?.focus({ preventScroll: true });
}

mounted(({ root, view, signal }) => {
  if (!find('#visitor', root)) return;
  on('visitor', (item, conversation) => {
    if (item.node && conversation === view) replace(item.node);
  }, signal);
  onPage((page) => {
    const fresh = find('#visitor', page);
    if (fresh) replace(fresh);
  }, signal);
  wide.addEventListener('change', draw, { signal });
  draw();
});
