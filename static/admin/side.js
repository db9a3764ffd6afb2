// The menu at the side: folded to its pictures, which say their names when they are
// pointed at. That it is folded is kept with the agent, so that every page begins so.

import { at, find, send } from './dom.js';

const root = document.documentElement;
const button = find('.side-fold');

function draw() {
  const folded = 'folded' in root.dataset;
  button?.setAttribute('aria-expanded', String(!folded));
  button?.setAttribute('aria-label', (folded ? button.dataset.unfold : button.dataset.fold) ?? '');
}

/** One after the other, so that the last is what is kept. @type {Promise<unknown>} */
let last = Promise.resolve();

button?.addEventListener('click', () => {
  root.toggleAttribute('data-folded');
  draw();
  hide();
  // Where it cannot be kept, it holds for this page.
  const folded = String('folded' in root.dataset);
  last = last.then(() => send(at('/me/menu'), { folded }));
});

const tip = document.createElement('div');
tip.className = 'tip';
tip.ariaHidden = 'true';

/** @param {Event} event */
function show(event) {
  const place = event.target instanceof Element ? event.target.closest('.side [data-tip]') : null;
  if (!(place instanceof HTMLElement) || isWide(place)) return hide();
  tip.textContent = place.getAttribute('aria-label') ?? place.dataset.tip ?? '';
  const { right, top, height } = place.getBoundingClientRect();
  tip.style.left = `${right + 8}px`;
  tip.style.top = `${top + height / 2}px`;
  document.body.append(tip);
}

/** Whether its words are there anyway. @param {Element} place */
function isWide(place) {
  const label = find('.side-label', place);
  return !!label && label.clientWidth > 1;
}

function hide() {
  tip.remove();
}

const side = find('.side');
side?.addEventListener('pointerover', show);
side?.addEventListener('focusin', show);
side?.addEventListener('pointerleave', hide);
side?.addEventListener('focusout', hide);
side?.addEventListener('click', hide);
document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape') hide();
});
