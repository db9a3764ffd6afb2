// The panel about the visitor: open where there is room, languages by name, and
// fresh when something has happened.

import { all, find } from './dom.js';
import { fetchPage, on, onPage } from './live.js';

const wide = matchMedia('(width >= 75rem)');

function draw() {
  const fold = find('.visitor-fold');
  if (fold instanceof HTMLDetailsElement) fold.open = wide.matches || fold.dataset.opened === '1';
  const lang = document.documentElement.lang;
  for (const it of all('[data-lang-name]')) {
    try {
      const names = new Intl.DisplayNames(lang, { type: 'language' });
      it.textContent = names.of(it.dataset.langName ?? '') ?? it.textContent;
    } catch {
      // Not a language we can name; its tag stays.
    }
  }
}

/** @param {Document} page */
function replace(page) {
  const fresh = find('#visitor', page);
  const old = find('#visitor');
  if (!fresh || !old) return;
  const fold = find('details', old);
  const freshFold = find('details', fresh);
  if (fold instanceof HTMLDetailsElement && freshFold && fold.open) freshFold.dataset.opened = '1';
  old.replaceWith(fresh);
  draw();
}

/** @type {ReturnType<typeof setTimeout> | undefined} */
let soon;

function stale() {
  clearTimeout(soon);
  soon = setTimeout(async () => {
    const page = await fetchPage(location.href);
    if (page && !find('#visitor')?.contains(document.activeElement)) replace(page);
  }, 800);
}

if (find('#visitor')) {
  // He may write from another page or device, or somebody has acted.
  on('header', stale);
  on('log', (item) => {
    if (item.node?.dataset.kind === 'visitor' && !document.hidden) stale();
  });
  onPage(replace);
  wide.addEventListener('change', draw);
  draw();
}
