// Where an agent writes: a draft for each conversation, Enter sends, notes for
// colleagues, and the box that opens when he joins.

import { find, recall, remember } from './dom.js';
import { drawHere, replaceHeader, takesPart } from './here.js';
import { on, onPage, tell } from './live.js';
import { post } from './outbox.js';
import { mounted } from './parts.js';

/* Of the conversation on the screen. */

let view = '';
let key = '';
/** @type {HTMLElement | null} */
let composer = null;
/** @type {HTMLElement | null} */
let form = null;
/** @type {HTMLTextAreaElement | null} */
let box = null;
/** @type {HTMLElement | null} */
let noteButton = null;
/** @type {HTMLElement | null} */
let sendButton = null;
let note = false;

/** Where the browser keeps nothing for us, drafts last as long as this page.
 * @type {Map<string, string | null>} */
const drafts = new Map();

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
  // Another conversation is on its way to its place.
  if (form?.closest('[inert]')) return;
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
/** @type {ReturnType<typeof setTimeout> | undefined} */
let soon;

function keep() {
  if (!touched || 'leaving' in document.body.dataset) return;
  const text = box?.value ?? '';
  const draft = text.trim() ? JSON.stringify({ text, note }) : null;
  remember(key, draft);
  if (recall(key) === draft) drafts.delete(key);
  else drafts.set(key, draft);
}

function restore() {
  if (!box || box.value) return;
  try {
    const draft = JSON.parse((drafts.has(key) ? drafts.get(key) : recall(key)) ?? 'null');
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

mounted(({ root, view: shown, signal }) => {
  view = shown;
  key = `draft.${document.body.dataset.agent}.${view}`;
  [composer, form, box] = [find('.composer', root), find('#write', root), find('#body', root)];
  [noteButton, sendButton] = [find('[data-note-button]', root), find('[data-send-button]', root)];
  note = composer?.dataset.note === 'true';
  [touched, typed, typing] = [false, 0, false];
  if (!composer) return;

  form?.addEventListener('submit', (event) => {
    event.preventDefault();
    const byNoteButton = event.submitter === noteButton;
    if (byNoteButton && !box?.value.trim()) return write(!note || !isJoined());
    submit(byNoteButton || note);
  });

  find('.join-note', root)?.addEventListener('submit', (event) => {
    event.preventDefault();
    write(true);
  });

  box?.addEventListener('keydown', (event) => {
    // While an input method composes, Enter belongs to it.
    const composing = event.isComposing || event.keyCode === 229;
    // Out of the box, and single keys are commands again.
    if (event.key === 'Escape' && !composing) find('#log', root)?.focus({ preventScroll: true });
    if (event.key !== 'Enter' || event.shiftKey || composing) return;
    event.preventDefault();
    submit(note || !isJoined());
  });

  box?.addEventListener('input', () => {
    touched = true;
    clearTimeout(soon);
    soon = setTimeout(keep, 200);
    if (box?.value) startTyping();
    else stopTyping();
  });
  box?.addEventListener('blur', stopTyping);
  addEventListener('pagehide', keep, { signal });

  document.addEventListener('shopbell:edit', (event) => {
    const message = /** @type {CustomEvent} */ (event).detail;
    if (!box) return;
    box.value = [message.body, box.value].filter(Boolean).join('\n');
    touched = true;
    write(message.note);
  }, { signal });

  on('header', (item, conversation) => {
    const old = find('#header');
    if (!item.node || !old || conversation !== view) return;
    replaceHeader(old, item.node);
    draw();
  }, signal);

  // Its entry in the lists says whether the visitor waits; so does the header.
  on('conversations', (item) => {
    const header = find('#header');
    if (header && item.node?.id === `c-${view}`) header.dataset.waiting = item.node.dataset.waiting ?? '';
  }, signal);

  onPage((page) => {
    const [old, fresh] = [find('#header'), find('#header', page)];
    if (old && fresh) replaceHeader(old, fresh);
    draw();
  }, signal);

  signal.addEventListener('abort', () => {
    clearTimeout(soon);
    keep();
    stopTyping();
  });

  restore();
  draw();
});
