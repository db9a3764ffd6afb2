// Single keys for what is done all day: J and K move through the lists, R
// answers, N notes, E resolves. They sleep in fields, and can be switched off
// (WCAG 2.2, 2.1.4).

import { all, find, recall } from './dom.js';
import { isJoined, write } from './composer.js';

/** @param {number} step */
function move(step) {
  const links = all('.row a');
  const focused = links.findIndex((it) => it === document.activeElement);
  const current = links.findIndex((it) => it.hasAttribute('aria-current'));
  const from = focused >= 0 ? focused : current;
  const to = from < 0 ? 0 : Math.min(links.length - 1, Math.max(0, from + step));
  links[to]?.focus();
  // What the other keys act on is what is on the screen.
  links[to]?.click();
}

/** @param {string} key */
function press(key) {
  const button = all(`[data-key="${key}"]`).find((it) => it.checkVisibility());
  button?.click();
  return !!button;
}

/** @type {Record<string, () => void>} */
const keys = {
  j: () => move(1),
  k: () => move(-1),
  r: () => void (isJoined() ? write(false) : press('r')),
  n: () => void (press('n') || (find('#body') && write(true))),
  e: () => void press('e'),
};

document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  const target = event.target instanceof Element ? event.target : null;
  if (target?.closest('input, textarea, select, [contenteditable], [popover], .join > p')) return;
  if (recall('keys') === 'off') return;
  // On a keyboard of another script, the key in the same place.
  const latin = /^[a-z]$/i.test(event.key) ? event.key : event.code.replace('Key', '');
  const act = keys[latin.toLowerCase()];
  if (!act || event.shiftKey) return;
  event.preventDefault();
  act();
});
