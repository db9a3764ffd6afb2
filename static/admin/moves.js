// What keys do in the inbox beside pressing its buttons: through the lists, and into
// the box to write in.

import { all, find } from './dom.js';
import { isJoined, write } from './composer.js';
import { does, press } from './keys.js';

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

does('next', () => move(1));
does('previous', () => move(-1));
does('reply', () => void (isJoined() ? write(false) : press('r')));
does('note', () => void (press('n') || (find('#body') && write(true))));
