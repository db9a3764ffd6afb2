// Who is writing: in the conversation with what the visitor has typed so far, in
// the lists with a word. A signal that is not repeated fades after six seconds.

import { find } from './dom.js';
import { on } from './live.js';
import { mounted } from './parts.js';

const FADES = 6000;
/** A screen reader hears of it at most this often. */
const SAID = 10_000;

/** @type {Map<string, ReturnType<typeof setTimeout>>} */
const fading = new Map();

/**
 * @param {string} what
 * @param {() => void} clear
 */
function fade(what, clear) {
  clearTimeout(fading.get(what));
  fading.set(what, setTimeout(() => {
    fading.delete(what);
    clear();
  }, FADES));
}

/** @param {string} conversation @param {boolean} writing */
function inLists(conversation, writing) {
  const row = document.getElementById(`c-${conversation}`);
  const word = row && find('.row-typing', row);
  if (word) word.hidden = !writing;
}

on('typing', (item) => {
  const conversation = item.conversation ?? '';
  if (item.who === 'agent') return;
  inLists(conversation, item.on === true);
  if (item.on) fade(conversation, () => inLists(conversation, false));
});

mounted(({ root, view, signal }) => {
  const preview = find('#preview', root);
  const place = preview && find('span', preview);
  const said = find('#preview-said', root);
  if (!preview || !place) return;
  let lastSaid = 0;
  const clear = () => (place.textContent = '');

  /** @param {import('./live.js').Item} item */
  const show = (item) => {
    const text = item.text?.trim();
    const words = (text ? preview.dataset.writing : preview.dataset.typing) ?? '';
    const told = words.replace('{name}', item.name ?? '');
    // The end of a long text is what is being written now.
    place.textContent = text ? `${told} ${text.length > 160 ? `…${text.slice(-160)}` : text}` : told;
    fade('thread', clear);
    if (item.who !== 'visitor' || !said || Date.now() - lastSaid <= SAID) return;
    lastSaid = Date.now();
    said.textContent = (preview.dataset.typing ?? '').replace('{name}', item.name ?? '');
    setTimeout(() => (said.textContent = ''), FADES);
  };

  on('typing', (item) => {
    if (item.conversation !== view) return;
    if (item.on) show(item);
    else clear();
  }, signal);

  // What was being written has arrived.
  on('log', (item, conversation) => {
    if (conversation === view && item.node?.dataset.kind === 'visitor') clear();
  }, signal);
});
