// Shows what is chosen for one's pages while it is being chosen; the next page is as it
// was saved.

import { find } from './dom.js';

const form = find('form[data-wears]');

form?.addEventListener('input', () => {
  if (!(form instanceof HTMLFormElement)) return;
  const chosen = new FormData(form);
  for (const name of ['theme', 'menu', 'size', 'spacing']) document.documentElement.dataset[name] = String(chosen.get(name));
});
