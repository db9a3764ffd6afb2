// Switches that belong to this browser alone: sound, keys. That of the bell says
// what is true: where the browser keeps it silent, it says so, and a touch frees it.

import { all, find, recall, remember } from './dom.js';
import { bell, changed, onBell, strikeUp } from './sound.js';
import { toast } from './toast.js';

/** @param {HTMLElement} it */
function draw(it) {
  const name = it.dataset.switch ?? '';
  const on = recall(name) !== 'off';
  if (it instanceof HTMLInputElement) it.checked = on;
  else it.setAttribute('aria-pressed', String(on));
  if (name !== 'sound') return;
  const blocked = bell() === 'blocked';
  it.toggleAttribute('data-blocked', blocked);
  const { blockedLabel = '', label = '' } = it.dataset;
  if (blockedLabel) it.ariaLabel = it.title = blocked ? blockedLabel : label;
}

const drawAll = () => {
  all('[data-switch]').forEach(draw);
  for (const it of all('[data-when-blocked]')) it.hidden = bell() !== 'blocked';
  say();
};

let said = false;

/** Once a page, and only where nothing else is being said: the icon goes on saying it. */
function say() {
  const { blockedWords, ring } = find('[data-switch="sound"]')?.dataset ?? {};
  if (bell() !== 'blocked') return find('.toast[data-bell]')?.remove();
  if (said || !blockedWords || !ring || find('.toast')) return;
  said = true;
  const shown = toast(blockedWords, { label: ring, act: () => void strikeUp() });
  if (shown) shown.dataset.bell = '';
}

/** @param {string} name */
function flip(name) {
  const on = recall(name) === 'off';
  remember(name, on ? null : 'off');
  changed();
  drawAll();
  if (name === 'sound' && on) void strikeUp();
}

/** @param {HTMLElement} it */
function listen(it) {
  const name = it.dataset.switch ?? '';
  if (it instanceof HTMLInputElement) return it.addEventListener('change', () => flip(name));
  // By the time of the click the touch has freed it, and nothing is left to free.
  let wasBlocked = false;
  const note = () => (wasBlocked = name === 'sound' && bell() === 'blocked');
  it.addEventListener('pointerdown', note, { capture: true });
  it.addEventListener('keydown', note, { capture: true });
  it.addEventListener('click', () => {
    const freed = wasBlocked;
    wasBlocked = false;
    if (freed) void strikeUp();
    else flip(name);
  });
}

all('[data-switch]').forEach(listen);
drawAll();
onBell(drawAll);
// Another window of his has switched it.
addEventListener('storage', (event) => {
  if (!event.key?.startsWith('shopbell.')) return;
  changed();
  drawAll();
});
