// Who is writing: in the conversation with what the visitor has typed so far, in
// the lists with a word. A signal that is not repeated fades after six seconds.

import { find } from './dom.js';
import { on } from './live.js';
import { view } from './log.js';

const FADES = 6000;
/** A screen reader hears of it at most this often. */
const SAID = 10_000;

const preview = find('#preview');
const said = find('#preview-said');
let lastSaid = 0;
/** @type {Map<string, ReturnType<typeof setTimeout>>} */
const fading = new Map();

/**
 * @param {string} what
 * @param {() => void} clear
 */
function fade(what, clear) {
  clearTimeout(fading.get(what));
  fading.set(what, setTimeout(clear, FADES));
}

/** @param {import('./live.js').Item} item */
function inThread(item) {
  const place = preview && find('span', preview);
  if (!preview || !place) return;
  const text = item.text?.trim();
  const words = (text ? preview.dataset.writing : preview.dataset.typing) ?? '';
  const told = words.replace('{name}', item.name ?? '');
  // The end of a long text is what is being written now.
  place.textContent = text ? `${told} ${text.length > 160 ? `…${text.slice(-160)}` : text}` : told;
  fade('thread', () => (place.textContent = ''));
  if (item.who === 'visitor' && said && Date.now() - lastSaid > SAID) {
    lastSaid = Date.now();
    said.textContent = (preview.dataset.typing ?? '').replace('{name}', item.name ?? '');
    setTimeout(() => (said.textContent = ''), FADES);
  }
}

/** @param {string} conversation @param {boolean} writing */
function inLists(conversation, writing) {
  const row = document.getElementById(`c-${conversation}`);
  const word = row && find('.row-typing', row);
  if (word) word.hidden = !writing;
}

on('typing', (item) => {
  const conversation = item.conversation ?? '';
  const own = item.who === 'agent';
  if (conversation === view) {
    if (item.on) inThread(item);
    else {
      const place = preview && find('span', preview);
      if (place) place.textContent = '';
    }
  }
  if (own) return;
  inLists(conversation, item.on === true);
  if (item.on) fade(conversation, () => inLists(conversation, false));
});

// What was being written has arrived.
on('log', (item, conversation) => {
  const place = preview && find('span', preview);
  if (conversation === view && item.node?.dataset.kind === 'visitor' && place) place.textContent = '';
});
