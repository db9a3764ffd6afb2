// A short word at the bottom of the page, with something to press if need be.

import { find } from './dom.js';

/**
 * @param {string} text
 * @param {{ label: string, act: () => void }} [button]
 */
export function toast(text, button) {
  const place = find('#toasts');
  if (!place) return;
  const shown = document.createElement('div');
  shown.className = 'toast';
  const words = document.createElement('span');
  words.textContent = text;
  shown.append(words);
  const dismiss = () => shown.remove();
  const press = (/** @type {string} */ label, /** @type {() => void} */ act) => {
    const made = document.createElement('button');
    made.type = 'button';
    made.className = 'button';
    made.textContent = label;
    made.addEventListener('click', () => {
      dismiss();
      act();
    });
    shown.append(made);
  };
  if (button) press(button.label, button.act);
  press(document.body.dataset.dismiss ?? '×', () => {});
  place.replaceChildren(shown);

  // Nobody loses the chance to undo while he is reaching for it.
  let left = 8;
  const clock = setInterval(() => {
    if (!shown.isConnected) clearInterval(clock);
    if (shown.matches(':hover, :focus-within')) return;
    left -= 1;
    if (left === 0) dismiss();
  }, 1000);
}
