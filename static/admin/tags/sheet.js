// The sheet of tags: what is ticked is sent at once, what is typed narrows the
// boxes or makes a tag, and what colleagues do meanwhile comes as news. A tag that
// is called or coloured otherwise is painted wherever this page shows it.

import { all, find, reason, send } from '../dom.js';
import { apply, isConnected, on, onPage, refresh } from '../live.js';
import { view } from '../log.js';

const sheet = find('#tags-sheet');
const form = /** @type {HTMLFormElement | null} */ (sheet && find('form', sheet));
const typed = /** @type {HTMLInputElement | null} */ (sheet && find('#new_tag', sheet));
const choices = sheet && find('.tag-choices', sheet);
const make = sheet && find('.tag-make', sheet);

/** What is on its way; each waits for the one before. @type {Promise<unknown>} */
let last = Promise.resolve();
let pending = 0;

/**
 * As the server compares names (`kernel::comparable`).
 * @param {string} text
 */
function comparable(text) {
  const folded = text.normalize('NFKC').toUpperCase().toLowerCase().replaceAll('i\u0307', 'i');
  return folded.normalize('NFKC').trim().split(/\s+/).join(' ');
}

const lines = () => (choices ? all(':scope > .tag-choice', choices) : []);

/** @param {HTMLElement} line */
const boxOf = (line) => /** @type {HTMLInputElement} */ (find('input[type="checkbox"]', line));

/** Boxes follow the header, which every change has drawn afresh. */
function follow() {
  if (pending > 0) return;
  const given = (find('#header [data-tags]')?.dataset.tags ?? '').split(' ');
  for (const line of lines()) boxOf(line).checked = given.includes(boxOf(line).value);
}

/** What fits what is typed. */
function narrow() {
  if (!typed || !make) return;
  const wanted = comparable(typed.value);
  let exact = false;
  for (const line of lines()) {
    const name = line.dataset.key ?? '';
    line.hidden = !name.includes(wanted);
    exact ||= name === wanted;
  }
  make.hidden = wanted === '' || exact;
  make.textContent = (make.dataset.words ?? '').replace('{name}', typed.value.trim());
}

/** @param {string} text  why something was refused; empty when it was not */
function explain(text) {
  if (!typed || !sheet) return;
  find('[data-problem]', sheet)?.remove();
  typed.removeAttribute('aria-invalid');
  typed.removeAttribute('aria-describedby');
  if (!text) return;
  const told = document.createElement('span');
  told.className = 'field-error';
  told.id = 'new_tag-problem';
  told.dataset.problem = '';
  told.setAttribute('role', 'alert');
  told.textContent = text;
  typed.after(told);
  typed.setAttribute('aria-describedby', told.id);
}

/**
 * One after another, so that the last press is the one that counts.
 * @param {Record<string, string>} fields
 */
async function post(fields) {
  pending += 1;
  const sent = last.then(() => send(form?.getAttribute('action') ?? '', fields));
  last = sent;
  const reply = await sent;
  pending -= 1;
  explain(reply.ok ? '' : reason(reply));
  if (!reply.ok) follow();
  else if (!isConnected()) void refresh();
  return reply;
}

/** @param {HTMLInputElement} box */
const put = (box) => post({ [box.checked ? 'tags' : 'had']: box.value });

/** @param {string} name */
async function makeOne(name) {
  if (make?.getAttribute('aria-busy') === 'true') return;
  make?.setAttribute('aria-busy', 'true');
  const reply = await post({ new_tag: name });
  make?.removeAttribute('aria-busy');
  if (!reply.ok) return typed?.setAttribute('aria-invalid', 'true');
  const { item } = reply.body;
  if (item && !document.getElementById(item.id)) apply([item]);
  const line = document.getElementById(item?.id ?? '');
  if (line) boxOf(line).checked = true;
  clear();
  line?.scrollIntoView({ block: 'nearest' });
}

function clear() {
  if (typed) typed.value = '';
  narrow();
  typed?.focus();
}

form?.addEventListener('submit', (event) => {
  event.preventDefault();
  const name = typed?.value.trim() ?? '';
  if (name) void makeOne(name);
});

sheet?.addEventListener('change', (event) => {
  const box = event.target;
  if (box instanceof HTMLInputElement && box.name === 'tags') void put(box);
});

typed?.addEventListener('input', () => {
  explain('');
  narrow();
});

// Enter takes the first that fits; there is a button to make what only looks like it.
typed?.addEventListener('keydown', (event) => {
  if (event.key !== 'Enter' || event.isComposing) return;
  event.preventDefault();
  const name = typed.value.trim();
  const wanted = comparable(name);
  const fit = lines().filter((it) => it.checkVisibility());
  const line = fit.find((it) => it.dataset.key === wanted) ?? fit[0];
  if (!name) return;
  if (!line) return void makeOne(name);
  const box = boxOf(line);
  box.checked = !box.checked;
  void put(box);
  clear();
});

sheet?.addEventListener('toggle', () => {
  const isOpen = sheet.matches(':popover-open');
  // A keyboard that covers half a phone comes when it is asked for.
  if (isOpen && !matchMedia('(pointer: coarse)').matches) typed?.focus();
  if (isOpen) return;
  if (typed) typed.value = '';
  explain('');
  narrow();
  // What opened it may have been drawn afresh meanwhile.
  const focused = document.activeElement;
  if (focused === document.body || sheet.contains(focused)) find('[popovertarget="tags-sheet"]')?.focus();
});

// After the hall has drawn it.
on('header', (_, conversation) => {
  if (conversation === view) queueMicrotask(follow);
});

/** @param {string} id @param {HTMLElement} fresh */
function paint(id, fresh) {
  const chip = find('.tag', fresh);
  for (const shown of all(`.tag[data-tag="${id}"]`)) {
    shown.dataset.colour = chip?.dataset.colour;
    const name = find('bdi', shown);
    if (name) name.textContent = chip?.textContent ?? '';
  }
}

on('tags', (item) => {
  const old = document.getElementById(item.id ?? '');
  const seq = item.seq ?? 0;
  if (old && seq < Number(old.dataset.seq ?? 0)) return;
  const fresh = item.node;
  if (!fresh) {
    old?.remove();
    return narrow();
  }
  const box = boxOf(fresh);
  paint(box.value, fresh);
  if (!choices) return;
  const given = (find('#header [data-tags]')?.dataset.tags ?? '').split(' ');
  box.checked = old ? boxOf(old).checked : given.includes(box.value);
  fresh.dataset.seq = String(seq);
  const focused = old?.contains(document.activeElement);
  old?.remove();
  const key = fresh.dataset.key ?? '';
  choices.insertBefore(fresh, lines().find((it) => key < (it.dataset.key ?? '')) ?? null);
  if (focused) box.focus();
  narrow();
});

onPage((page) => {
  const fresh = find('.tag-choices', page);
  if (!fresh || !choices || pending > 0) return;
  choices.replaceChildren(...fresh.childNodes);
  narrow();
});

narrow();

// A refused form came back open, for those without a script.
if (sheet && 'open' in sheet.dataset) {
  sheet.setAttribute('popover', '');
  sheet.showPopover();
}
