// The sheet of tags: what is ticked is sent at once, what is typed narrows the
// boxes or makes a tag, and what colleagues do meanwhile comes as news. A tag that
// is called or coloured otherwise is painted wherever this page shows it.

import { all, find, reason, send } from '../dom.js';
import { rename } from '../filter.js';
import { apply, isConnected, on, onPage, refresh } from '../live.js';
import { mounted } from '../parts.js';
import { toast } from '../toast.js';

/* Of the conversation on the screen. */

/** @type {HTMLElement | null} */
let sheet = null;
/** @type {HTMLFormElement | null} */
let form = null;
/** @type {HTMLInputElement | null} */
let typed = null;
/** @type {HTMLElement | null} */
let choices = null;
/** @type {HTMLElement | null} */
let boxes = null;
/** @type {HTMLElement | null} */
let make = null;
/** @type {HTMLElement | null} */
let told = null;

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

/** @param {HTMLElement} line */
const nameOf = (line) => find('bdi', line)?.textContent ?? '';

/** What was put away is only there where it is ticked. @param {HTMLElement} line */
const isAway = (line) => 'archived' in line.dataset && !boxOf(line).checked;

/** The news of a change came while another one was on its way. */
let missed = false;
/** Ends with the sheet: what is answered later is not about the one that came after. */
let signal = new AbortController().signal;

/** Boxes follow the header, which every change has drawn afresh. */
function follow() {
  missed = pending > 0;
  if (missed) return;
  const given = (find('#header [data-tags]')?.dataset.tags ?? '').split(' ');
  for (const line of lines()) boxOf(line).checked = given.includes(boxOf(line).value);
}

/**
 * A sentence with a name, whatever signs that has and in whatever direction it is read.
 * @param {HTMLElement} place @param {string} words @param {string} name
 */
function write(place, words, name) {
  const [before = '', ...after] = words.split('{name}');
  if (place.textContent === [before, ...after].join(name)) return;
  const shown = document.createElement('bdi');
  shown.textContent = name;
  // In one piece, also where its parts would stand side by side.
  const sentence = document.createElement('span');
  sentence.append(...(after.length > 0 ? [before, shown, after.join('')] : [before]));
  place.replaceChildren(sentence);
}

/** @param {string} word  of what there is to say; empty for nothing @param {string} [name] */
function say(word, name = '') {
  if (told) write(told, told.dataset[word] ?? '', name);
}

/** What fits what is typed. */
function narrow() {
  if (!typed || !make) return;
  const wanted = comparable(typed.value);
  for (const line of lines()) line.hidden = !(line.dataset.key ?? '').includes(wanted);
  make.hidden = wanted === '' || lines().some((it) => it.dataset.key === wanted);
  write(make, make.dataset.words ?? '', typed.value.trim());
}

/** What Enter would give: what is called so, or else what fits first and is not here
 * yet. There is a button to make what only looks like it. */
function meant() {
  const wanted = comparable(typed?.value ?? '');
  if (!wanted) return;
  const fit = lines().filter((it) => !it.hidden && !isAway(it));
  return lines().find((it) => it.dataset.key === wanted) ?? fit.find((it) => !boxOf(it).checked) ?? fit[0];
}

/** Of what is typed. */
function sayWhatFits() {
  const line = meant();
  if (!typed?.value.trim()) say('');
  else if (!line) say('none');
  else if (isAway(line)) say('archived', nameOf(line));
  else say(boxOf(line).checked ? 'here' : 'fits', nameOf(line));
}

/**
 * What was refused stands where it belongs, until the same is no longer refused.
 * @param {string} about  the number of a box; empty: the field
 * @param {string} text  why; empty when it was not
 */
function explain(about, text) {
  const place = about ? boxes : typed;
  const id = about ? 'tags-problem' : 'new_tag-problem';
  const old = document.getElementById(id);
  if (!place || (!text && old?.dataset.about !== about)) return;
  old?.remove();
  place.removeAttribute('aria-invalid');
  place.removeAttribute('aria-describedby');
  if (!text) return;
  const problem = document.createElement('span');
  problem.className = 'field-error';
  problem.id = id;
  problem.dataset.about = about;
  problem.setAttribute('role', 'alert');
  problem.textContent = text;
  if (about) choices?.before(problem);
  else place.after(problem);
  place.setAttribute('aria-describedby', id);
  if (!about) place.setAttribute('aria-invalid', 'true');
}

/**
 * One after another, so that the last press is the one that counts.
 * @param {string} about  the number of a box; empty: the field
 * @param {Record<string, string>} fields
 */
async function post(about, fields) {
  const [own, action] = [signal, form?.getAttribute('action') ?? ''];
  pending += 1;
  const sent = last.then(() => send(action, fields));
  last = sent;
  const reply = await sent;
  if (own.aborted) {
    if (!reply.ok) toast(reason(reply));
    return null;
  }
  pending -= 1;
  explain(about, reply.ok ? '' : reason(reply));
  if (missed || !reply.ok) follow();
  if (reply.ok && !isConnected()) void refresh();
  return reply;
}

/** @param {HTMLElement} line */
async function put(line) {
  const { checked, value } = boxOf(line);
  const name = nameOf(line);
  const reply = await post(value, { [checked ? 'tags' : 'had']: value });
  if (reply) say(!reply.ok ? '' : checked ? 'given' : 'taken', name);
}

/** @param {string} name */
async function makeOne(name) {
  if (make?.getAttribute('aria-busy') === 'true') return;
  make?.setAttribute('aria-busy', 'true');
  const reply = await post('', { new_tag: name });
  if (!reply) return;
  make?.removeAttribute('aria-busy');
  if (!reply.ok) return say('');
  const { item } = reply.body;
  if (item && !document.getElementById(item.id)) apply([item]);
  const line = document.getElementById(item?.id ?? '');
  if (line) boxOf(line).checked = true;
  clear();
  say('given', line ? nameOf(line) : name);
  line?.scrollIntoView({ block: 'nearest' });
}

function clear() {
  if (typed) typed.value = '';
  narrow();
  typed?.focus();
}

/**
 * Every chip of it, and of what was merged into it, which stands in each place once. A
 * chip knows what it was first, and is that again when the merger is undone.
 * @param {string} id @param {string[]} was @param {HTMLElement} fresh
 */
function paint(id, was, fresh) {
  const chip = find('.tag', fresh);
  for (const number of [id, ...was]) rename('tag', number, chip?.textContent ?? '');
  for (const shown of all('.tag[data-tag]')) {
    const { tag = '', first = tag } = shown.dataset;
    if (tag !== id && first !== id && !was.includes(first)) continue;
    if (tag !== id) shown.dataset.first = first;
    shown.dataset.tag = id;
    shown.dataset.colour = chip?.dataset.colour;
    const name = find('bdi', shown);
    if (name) name.textContent = chip?.textContent ?? '';
    const beside = shown.parentElement ? all(':scope > .tag', shown.parentElement) : [];
    const tags = beside.map((it) => it.dataset.tag);
    beside.forEach((it, n) => { it.hidden = tags.indexOf(it.dataset.tag) < n; });
  }
  const tool = find('#header [data-tags]');
  const given = (tool?.dataset.tags ?? '').split(' ').map((it) => (was.includes(it) ? id : it));
  if (tool) tool.dataset.tags = [...new Set(given)].join(' ');
}

/** In the order of the server: by the numbers of the signs (`kernel::collating`).
 * @param {string} one @param {string} other */
function isBefore(one, other) {
  const [these, those] = [[...one], [...other]];
  const n = these.findIndex((it, at) => it !== those[at]);
  if (n < 0) return these.length < those.length;
  return n < those.length && (these[n].codePointAt(0) ?? 0) < (those[n].codePointAt(0) ?? 0);
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
  const was = (item.data ?? '').split(' ').filter(Boolean);
  paint(box.value, was, fresh);
  if (!choices) return;
  const given = (find('#header [data-tags]')?.dataset.tags ?? '').split(' ');
  box.checked = old && was.length === 0 ? boxOf(old).checked : given.includes(box.value);
  fresh.dataset.seq = String(seq);
  const focused = old?.contains(document.activeElement);
  old?.remove();
  const order = fresh.dataset.order ?? '';
  choices.insertBefore(fresh, lines().find((it) => isBefore(order, it.dataset.order ?? '')) ?? null);
  if (focused) box.focus();
  narrow();
});

mounted(({ root, view, signal: shown }) => {
  signal = shown;
  sheet = find('#tags-sheet', root);
  form = find('#tags-sheet form', root);
  typed = find('#new_tag', root);
  [choices, boxes] = [find('.tag-choices', root), find('#tags-sheet fieldset', root)];
  [make, told] = [find('.tag-make', root), find('.tag-told', root)];
  [last, pending, missed] = [Promise.resolve(), 0, false];

  form?.addEventListener('submit', (event) => {
    event.preventDefault();
    const name = typed?.value.trim() ?? '';
    if (name) void makeOne(name);
  });

  sheet?.addEventListener('change', (event) => {
    const box = event.target;
    if (!(box instanceof HTMLInputElement) || box.name !== 'tags') return;
    const line = /** @type {HTMLElement | null} */ (box.closest('.tag-choice'));
    if (line) void put(line);
  });

  typed?.addEventListener('input', () => {
    explain('', '');
    narrow();
    sayWhatFits();
  });

  // Enter only gives: whoever types the name of what is here wants it here.
  typed?.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || event.isComposing) return;
    event.preventDefault();
    const name = typed?.value.trim();
    const line = meant();
    if (!name) return;
    if (!line) return void makeOne(name);
    if (isAway(line)) return say('archived', nameOf(line));
    const box = boxOf(line);
    clear();
    if (box.checked) return say('here', nameOf(line));
    box.checked = true;
    void put(line);
  });

  sheet?.addEventListener('toggle', () => {
    const isOpen = sheet?.matches(':popover-open');
    // A keyboard that covers half a phone comes when it is asked for.
    if (isOpen && !matchMedia('(pointer: coarse)').matches) typed?.focus();
    if (isOpen) return;
    if (typed) typed.value = '';
    explain('', '');
    explain(document.getElementById('tags-problem')?.dataset.about ?? '', '');
    say('');
    narrow();
    // What opened it may have been drawn afresh meanwhile.
    const focused = document.activeElement;
    if (focused === document.body || sheet?.contains(focused)) find('[popovertarget="tags-sheet"]')?.focus();
  });

  // After the hall has drawn it.
  on('header', (_, conversation) => {
    if (conversation === view) queueMicrotask(follow);
  }, signal);

  onPage((page) => {
    const fresh = find('.tag-choices', page);
    if (!fresh || !choices || pending > 0) return;
    choices.replaceChildren(...fresh.childNodes);
    narrow();
  }, signal);

  narrow();

  // A refused form came back open, for those without a script.
  if (sheet && 'open' in sheet.dataset) {
    sheet.setAttribute('popover', '');
    sheet.showPopover();
  }
});
