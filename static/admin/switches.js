// Switches that belong to this browser alone: sound, keys.

import { all, recall, remember } from './dom.js';
import { ring } from './sound.js';

/** @param {HTMLElement} it */
function draw(it) {
  const on = recall(it.dataset.switch ?? '') !== 'off';
  if (it instanceof HTMLInputElement) it.checked = on;
  else it.setAttribute('aria-pressed', String(on));
}

/** @param {string} name */
function flip(name) {
  const on = recall(name) === 'off';
  remember(name, on ? null : 'off');
  all('[data-switch]').forEach(draw);
  if (name === 'sound' && on) ring();
}

for (const it of all('[data-switch]')) {
  draw(it);
  const event = it instanceof HTMLInputElement ? 'change' : 'click';
  it.addEventListener(event, () => flip(it.dataset.switch ?? ''));
}
