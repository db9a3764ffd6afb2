// A short word at the bottom of the page, with something to press if need be.

import { find } from './dom.js';

/**
 * @param {string} text
 * @param {{ label: string, act: () => void }} [button]
 */
export function toast(text, button) {
  const place = find('#toasts');
  if (!place) return null;
  const shown = document.createElement('div');
  shown.className = 'toast';
  const words = document.createElement('span');
  words.textContent = text;
  shown.append(words);
  const dismiss = () => shown.remove();
  const deeds = document.createElement('div');
  deeds.className = 'toast-deeds';
  shown.append(deeds);
  const press = (/** @type {string} */ label, /** @type {() => void} */ act) => {
    const made = document.createElement('button');
    made.type = 'button';
    made.className = 'button';
    made.textContent = label;
    made.addEventListener('click', () => {
      dismiss();
      act();
    });
    deeds.append(made);
    return made;
  };
  if (button) press(button.label, button.act);
  // A sign, as the word would take the room of what is said.
  const away = press('×', () => {});
  away.classList.add('button-icon');
  away.ariaLabel = away.title = document.body.dataset.dismiss ?? '';
  place.replaceChildren(shown);

  // Nobody loses the chance to undo while he is reaching for it.
  let left = 8;
  const clock = setInterval(() => {
    if (!shown.isConnected) clearInterval(clock);
    if (shown.matches(':hover, :focus-within')) return;
    left -= 1;
    if (left === 0) dismiss();
  }, 1000);
  return shown;
}
