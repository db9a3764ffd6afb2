// Where an agent writes: a draft for each conversation, Enter sends, notes for
// colleagues, and the box that opens when he joins.

import { find, recall, remember } from './dom.js';
import { drawHere, replaceHeader, takesPart } from './here.js';
import { on, onPage, tell } from './live.js';
import { view } from './log.js';
import { post } from './outbox.js';

const key = `draft.${document.body.dataset.agent}.${view}`;
const composer = find('.composer');
const form = find('#write');
const box = /** @type {HTMLTextAreaElement | null} */ (find('#body'));
const noteButton = find('[data-note-button]');
const sendButton = find('[data-send-button]');

let note = composer?.dataset.note === 'true';

export function isJoined() {
  const header = find('#header');
  return header?.dataset.state === 'open' && takesPart(header);
}

function draw() {
  if (!composer || !form || !box) return;
  const joined = isJoined();
  const open = joined || note;
  const join = find('#join');
  if (join) join.hidden = joined;
  const noteForm = find('.join-note');
  if (noteForm) noteForm.hidden = open;
  // Taken from under somebody's hands: what he still types must be no command.
  const interrupted = !open && form.contains(document.activeElement);
  form.hidden = !open;
  if (interrupted) find('.join > p')?.focus();
  if (sendButton) sendButton.hidden = !joined;
  composer.dataset.note = String(note);
  noteButton?.setAttribute('aria-pressed', String(note));
  drawHere();
  box.placeholder = (note ? composer.dataset.draftNote : composer.dataset.draftReply) ?? '';
}

/** @param {boolean} wanted */
export function write(wanted) {
  note = wanted;
  draw();
  keep();
  box?.focus();
}

/** Opens the box for answers as soon as the server says so.
 * @param {boolean} isTaking  a colleague was responsible */
export function expectJoin(isTaking) {
  note = false;
  const header = find('#header');
  const me = document.body.dataset.agent ?? '';
  if (header) {
    header.dataset.state = 'open';
    if (isTaking || !header.dataset.assignee) header.dataset.assignee = me;
    if (!takesPart(header)) header.dataset.here = `${header.dataset.here} ${me}`;
  }
  draw();
  box?.focus();
}

/** Something was written in this tab; another may hold the same draft. */
let touched = false;

function keep() {
  if (!touched || 'leaving' in document.body.dataset) return;
  const text = box?.value ?? '';
  remember(key, text.trim() ? JSON.stringify({ text, note }) : null);
}

function restore() {
  if (!box || box.value) return;
  try {
    const draft = JSON.parse(recall(key) ?? 'null');
    if (typeof draft?.text !== 'string') return;
    box.value = draft.text;
    note = draft.note === true;
  } catch {
    remember(key, null);
  }
}

/** @param {boolean} asNote */
function submit(asNote) {
  if (!box) return;
  const text = box.value;
  if (!text.trim()) return box.focus();
  post(text, asNote);
  box.value = '';
  touched = true;
  if (asNote) note = false;
  keep();
  stopTyping();
  draw();
  box.focus();
}

let typed = 0;
let typing = false;

function startTyping() {
  if (note || !isJoined() || Date.now() - typed < 1000) return;
  typed = Date.now();
  typing = true;
  tell({ t: 'typing', conversation: view, on: true });
}

function stopTyping() {
  if (typing) tell({ t: 'typing', conversation: view, on: false });
  typing = false;
  typed = 0;
}

form?.addEventListener('submit', (event) => {
  event.preventDefault();
  const byNoteButton = event.submitter === noteButton;
  if (byNoteButton && !box?.value.trim()) return write(!note || !isJoined());
  submit(byNoteButton || note);
});

find('.join-note')?.addEventListener('submit', (event) => {
  event.preventDefault();
  write(true);
});

box?.addEventListener('keydown', (event) => {
  // While an input method composes, Enter belongs to it.
  const composing = event.isComposing || event.keyCode === 229;
  if (event.key !== 'Enter' || event.shiftKey || composing) return;
  event.preventDefault();
  submit(note || !isJoined());
});

/** @type {ReturnType<typeof setTimeout> | undefined} */
let soon;
box?.addEventListener('input', () => {
  touched = true;
  clearTimeout(soon);
  soon = setTimeout(keep, 200);
  if (box.value) startTyping();
  else stopTyping();
});
box?.addEventListener('blur', stopTyping);
addEventListener('pagehide', keep);

document.addEventListener('shopbell:edit', (event) => {
  const message = /** @type {CustomEvent} */ (event).detail;
  if (!box) return;
  box.value = [message.body, box.value].filter(Boolean).join('\n');
  touched = true;
  write(message.note);
});

on('header', (item, conversation) => {
  const old = find('#header');
  if (!item.node || !old || conversation !== view) return;
  replaceHeader(old, item.node);
  draw();
});

// Its entry in the lists says whether the visitor waits; so does the header.
on('conversations', (item) => {
  const header = find('#header');
  if (header && item.node?.id === `c-${view}`) header.dataset.waiting = item.node.dataset.waiting ?? '';
});

onPage((page) => {
  const [old, fresh] = [find('#header'), find('#header', page)];
  if (old && fresh) replaceHeader(old, fresh);
  draw();
});

if (composer) {
  restore();
  draw();
}
