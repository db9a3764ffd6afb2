// What is typed on a page of forms and not saved yet: a bar names it, leaving asks
// first, and saving one form takes along what stands unsaved in the others.

import { all, find } from './dom.js';
import { toast } from './toast.js';

/** @typedef {HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement} Field */

const STASH = 'shopbell.unsaved';
/** Long enough for a slow server; what is older belongs to another hour. */
const LIVES = 120_000;

const bar = find('.unsaved');
const dialog = /** @type {HTMLDialogElement | null} */ (find('.leaving'));
const forms = /** @type {HTMLFormElement[]} */ (all('.settings-main form[method="post"]')).filter((it) => fields(it).length > 0);

/** Once somebody has said that he leaves, or sends. */
let goes = false;

/** What a person fills in. To prove who one is changes nothing.
 * @param {HTMLFormElement} form
 * @returns {Field[]} */
function fields(form) {
  const all = /** @type {Field[]} */ ([...form.elements].filter((it) => it.matches('input, select, textarea')));
  return all.filter((it) => it.name && it.type !== 'hidden' && it.autocomplete !== 'current-password');
}

/** @param {Field} it */
function isChanged(it) {
  if (it instanceof HTMLSelectElement) {
    const options = [...it.options];
    const first = options.find((one) => one.defaultSelected) ?? options[0];
    return it.selectedOptions[0] !== first;
  }
  if (isBox(it)) return /** @type {HTMLInputElement} */ (it).checked !== /** @type {HTMLInputElement} */ (it).defaultChecked;
  return it.value !== it.defaultValue;
}

/** What the server has refused stands in the form as if it were stored.
 * @param {HTMLFormElement} form */
const wasRefused = (form) => !!find('[aria-invalid="true"]', form);

/** @param {HTMLFormElement} form */
const isDirty = (form) => wasRefused(form) || fields(form).some(isChanged);

/** As the page calls it. @param {Field} it */
function nameOf(it) {
  const label = it.type === 'radio' ? find('legend', it.closest('fieldset') ?? document) : it.labels?.[0];
  return (label?.textContent ?? '').trim();
}

/** @param {HTMLFormElement[]} dirty */
function names(dirty) {
  const changed = dirty.flatMap((form) => fields(form).filter((it) => isChanged(it) || it.ariaInvalid === 'true'));
  return new Intl.ListFormat(document.documentElement.lang, { type: 'conjunction' }).format(new Set(changed.map(nameOf).filter(Boolean)));
}

const dirtyForms = () => forms.filter(isDirty);

function draw() {
  // What is done once, as inviting somebody, has a button of its own beside its fields.
  const dirty = dirtyForms().filter((it) => !('once' in it.dataset));
  if (!bar) return;
  bar.hidden = dirty.length === 0;
  const said = find('[role="status"]', bar);
  const words = dirty.length ? (bar.dataset.what ?? '').replace('{names}', () => names(dirty)) : '';
  if (said && said.textContent !== words) said.textContent = words;
  const discard = find('[data-discard]', bar);
  if (discard) discard.hidden = dirty.some(wasRefused);
}

/** Asks before something is lost, and goes on if that is wanted.
 * @param {HTMLFormElement[]} lost
 * @param {() => void} go */
function ask(lost, go) {
  const words = dialog && find('p', dialog);
  if (!dialog || !words) return go();
  words.textContent = (dialog.dataset.what ?? '').replace('{names}', () => names(lost));
  dialog.returnValue = 'stay';
  dialog.onclose = () => {
    if (dialog.returnValue !== 'leave') return;
    goes = true;
    go();
  };
  dialog.showModal();
}

for (const it of all('[data-close]', dialog ?? document)) it.addEventListener('click', () => dialog?.close(it.dataset.close));

/* Saving. */

/** @param {HTMLFormElement} form */
const key = (form) => form.getAttribute('action') ?? '';

/** @param {Field} it */
const isBox = (it) => it.type === 'checkbox' || it.type === 'radio';

/** Where a field is found again, on a page that may have more of them by then: a box by
 * what it stands for.
 * @param {HTMLFormElement} form @param {Field} it */
function spot(form, it) {
  const alike = fields(form).filter((one) => one.name === it.name && !isBox(one));
  return isBox(it) ? `${it.name}=${it.value}` : `${it.name} ${alike.indexOf(it)}`;
}

/** What somebody has changed there, and nothing beside it: the rest is as it stands in
 * the house by then. Never a password.
 * @param {HTMLFormElement} form */
function changes(form) {
  const kept = fields(form).filter((it) => it.type !== 'password' && (isChanged(it) || wasRefused(form)));
  return kept.map((it) => [spot(form, it), isBox(it) ? /** @type {HTMLInputElement} */ (it).checked : it.value]);
}

/** Keeps what forms hold until the next page is there. Whether it could.
 * @param {HTMLFormElement[]} others
 * @param {HTMLFormElement} [sent]  kept too, for the case that nothing takes it */
function stash(others, sent) {
  const kept = others.map((form) => [key(form), changes(form)]);
  // What is done once is answered in many ways, and must not be done again.
  const own = sent && !('once' in sent.dataset) ? [key(sent), changes(sent)] : null;
  try {
    sessionStorage.setItem(STASH, JSON.stringify({ at: Date.now(), agent: document.body.dataset.agent, kept, sent: own }));
    return true;
  } catch {
    return false;
  }
}

function forget() {
  try {
    sessionStorage.removeItem(STASH);
  } catch {
    // Nothing was kept.
  }
}

function restore() {
  let found;
  try {
    found = JSON.parse(sessionStorage.getItem(STASH) ?? 'null');
  } catch {
    return;
  }
  forget();
  if (!found || found.agent !== document.body.dataset.agent || LIVES < Date.now() - found.at) return;
  const isDone = new URLSearchParams(location.search).has('done');
  for (const [action, values] of [...found.kept, ...(found.sent && !isDone ? [found.sent] : [])]) {
    const form = forms.find((it) => key(it) === action);
    if (form) put(form, new Map(values));
  }
}

/** @param {HTMLFormElement} form @param {Map<string, string | boolean>} values */
function put(form, values) {
  for (const it of fields(form)) {
    const value = values.get(spot(form, it));
    if (value === undefined) continue;
    if (typeof value === 'boolean') /** @type {HTMLInputElement} */ (it).checked = value;
    else it.value = value;
    it.dispatchEvent(new Event('input', { bubbles: true }));
  }
}

/** @param {HTMLFormElement} form */
const hasPassword = (form) => fields(form).some((it) => it.type === 'password' && it.value !== '');

// Before the script of all forms, which sends a form only once.
document.addEventListener('submit', (event) => {
  const form = event.target;
  if (!(form instanceof HTMLFormElement) || form.method !== 'post' || goes) return;
  const others = dirtyForms().filter((it) => it !== form);
  // Signing out leaves all of it behind; a password is kept nowhere, and without
  // storage nothing is.
  const isHere = !!form.closest('.settings-main');
  const lost = isHere && stash(others, form) ? others.filter(hasPassword) : others;
  if (lost.length > 0) {
    event.preventDefault();
    event.stopImmediatePropagation();
    forget();
    const { submitter } = event;
    return ask(lost, () => {
      if (isHere) stash(others, form);
      form.requestSubmit(submitter);
    });
  }
  goes = true;
}, { capture: true });

/** All but the last are sent from here; what is refused is sent once more as a page,
 * which says why. While nobody answers, all of it stays. */
async function save() {
  const dirty = dirtyForms().filter((it) => !('once' in it.dataset));
  for (const form of dirty.slice(0, -1)) {
    if (!form.reportValidity()) return;
    const taken = await sendQuietly(form);
    if (taken === undefined) return toast(document.body.dataset.offlineSend ?? '');
    if (!taken) return form.requestSubmit();
    for (const it of fields(form)) settle(it);
  }
  dirty.at(-1)?.requestSubmit();
}

/** Whether it was taken; nothing where nobody answered.
 * @param {HTMLFormElement} form */
async function sendQuietly(form) {
  try {
    const body = new URLSearchParams(/** @type {[string, string][]} */ ([...new FormData(form)]));
    const answer = await fetch(form.action, { method: 'POST', body, signal: AbortSignal.timeout(20_000) });
    if (500 <= answer.status) return undefined;
    return answer.ok && new URL(answer.url).searchParams.has('done');
  } catch {
    return undefined;
  }
}

/** It is stored now. @param {Field} it */
function settle(it) {
  if (it instanceof HTMLSelectElement) for (const one of it.options) one.defaultSelected = one.selected;
  else if (it instanceof HTMLInputElement && isBox(it)) it.defaultChecked = it.checked;
  else it.defaultValue = it.value;
}

const saves = find('[data-save]', bar ?? document);
saves?.addEventListener('click', async () => {
  if (saves.ariaBusy === 'true') return;
  saves.ariaBusy = 'true';
  await save();
  saves.ariaBusy = null;
});
find('[data-discard]', bar ?? document)?.addEventListener('click', () => {
  const dirty = dirtyForms().filter((it) => !('once' in it.dataset));
  const first = dirty.flatMap(fields).find(isChanged);
  for (const form of dirty) {
    form.reset();
    for (const it of fields(form)) it.dispatchEvent(new Event('input', { bubbles: true }));
  }
  first?.focus();
  draw();
});

/* Leaving. */

document.addEventListener('click', (event) => {
  const link = event.target instanceof Element ? event.target.closest('a[href]') : null;
  if (!(link instanceof HTMLAnchorElement) || event.defaultPrevented || event.button !== 0) return;
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey || link.target || link.download) return;
  if (link.origin !== location.origin || link.getAttribute('href')?.startsWith('#')) return;
  const lost = dirtyForms();
  if (lost.length === 0) return;
  event.preventDefault();
  ask(lost, () => { location.href = link.href; });
});

addEventListener('beforeunload', (event) => {
  if (!goes && dirtyForms().length > 0) event.preventDefault();
});

addEventListener('pageshow', (event) => {
  if (event.persisted) goes = false;
});

document.addEventListener('input', draw);
document.addEventListener('change', draw);
restore();
draw();
