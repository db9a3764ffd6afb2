// Keys for what is done all day. Which there are, and what they do, stands in the
// dialog that shows them: whatever is not written there, no key does. Single keys sleep
// in fields, and can be switched off (WCAG 2.2, 2.1.4); with Ctrl they always work.

import { all, find, recall } from './dom.js';
import { toast } from './toast.js';

/** How long a key waits for the one that goes with it. */
const NEXT = 2000;
/** How long a dialog that nobody sees yet may stand in the way. */
const PATIENCE = 5000;
const ASLEEP = 'input, textarea, select, [contenteditable], [popover], dialog, .join > p';
const isMac = /Mac|iP(hone|ad|od)/.test(navigator.platform);

/** What a key does that presses no button. @type {Map<string, () => void>} */
const deeds = new Map();

/** @param {string} name  as the table calls it @param {() => void} deed */
export function does(name, deed) {
  deeds.set(name, deed);
}

/** Presses the button of a key, if there is one to press. @param {string} key */
export function press(key) {
  const button = all(`[data-key="${key}"]`).find((it) => it.checkVisibility());
  button?.click();
  return !!button;
}

/** @type {Map<string, string>} */
const table = new Map();
for (const it of all('#keys [data-press]')) table.set(it.dataset.press ?? '', it.dataset.act ?? '');
for (const it of isMac ? all('kbd[data-held]') : []) it.textContent = '⌘';

/**
 * On a keyboard of another script, the key in the same place; signs are what they are.
 * @param {KeyboardEvent} event
 */
function keyOf({ key, code, shiftKey }) {
  if (/^[a-z]$/i.test(key)) return shiftKey ? '' : key.toLowerCase();
  if (code.startsWith('Key') && key.length === 1 && !/^[!-~]$/.test(key)) return shiftKey ? '' : code[3].toLowerCase();
  return key === '/' ? 'slash' : key;
}

/** When the first of two keys was pressed. */
let began = 0;

/** To the place of this letter. The second of two does nothing else, also where it leads
 * nowhere. @param {string} key */
function go(key) {
  const isSecond = Date.now() - began < NEXT && /^[a-z]$/.test(key);
  began = 0;
  if (isSecond) find(`[data-go="${key}"]`)?.click();
  return isSecond;
}

/** @param {string} key */
function act(key) {
  const name = table.get(key);
  if (name === undefined) return false;
  const deed = deeds.get(name);
  if (deed) deed();
  return !!deed || press(key);
}

/** @param {KeyboardEvent} event */
function isHeld({ ctrlKey, metaKey, altKey, shiftKey }) {
  return (isMac ? metaKey && !ctrlKey : ctrlKey && !metaKey) && !altKey && !shiftKey;
}

document.addEventListener('keydown', (event) => {
  if (event.isComposing || event.defaultPrevented) return;
  const key = keyOf(event);
  if (isHeld(event)) {
    if (table.has(`held-${key}`) && act(`held-${key}`)) event.preventDefault();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const target = event.target instanceof Element ? event.target : null;
  const dialog = /** @type {HTMLDialogElement | null} */ (target?.closest('dialog.palette'));
  if (dialog && key === 'Escape') {
    // At once: browsers take a moment, and the next key would still land in it.
    event.preventDefault();
    return dialog.close();
  }
  if (target?.closest(ASLEEP) || recall('keys') === 'off') return;
  if (go(key) || act(key)) event.preventDefault();
});

/* What every page has. */

does('go', () => { began = Date.now(); });

does('keys', () => void show('#keys', dressed()));

does('find', () => {
  const dialog = /** @type {HTMLDialogElement | null} */ (find('#palette'));
  if (dialog?.open) return dialog.close();
  const ready = Promise.all([late('./palette/palette.js'), dressed()]);
  void show('#palette', ready).then((isThere) => isThere && ready.then(([{ begin }]) => begin()));
});

let again = '';

/**
 * A script that did not come once never comes again under that name, says Firefox.
 * @param {string} url
 */
const late = (url) => import(url + again).catch(() => import(url + (again = `?${Date.now()}`)));

/**
 * Opens at once, so that whatever is typed meanwhile lands in it and presses no key;
 * nothing of it is seen before it is ready.
 * @param {string} name
 * @param {Promise<unknown>} ready
 */
async function show(name, ready) {
  const dialog = /** @type {HTMLDialogElement | null} */ (find(name));
  if (!dialog || dialog.open) return false;
  dialog.showModal();
  const box = /** @type {HTMLInputElement | null} */ (find('input[name="q"]', dialog));
  box?.select();
  try {
    await Promise.race([ready, new Promise((_, reject) => setTimeout(reject, PATIENCE))]);
    dialog.dataset.ready = '';
    return dialog.open;
  } catch {
    dialog.close();
    toast(document.body.dataset.offlineSend ?? '');
    return false;
  }
}

/** @type {Promise<unknown> | undefined} */
let sheet;

/** Both dialogs have a sheet of style, which comes when the first of them is opened. */
function dressed() {
  sheet ??= new Promise((resolve, reject) => {
    const link = document.createElement('link');
    link.rel = 'stylesheet';
    link.href = find('#palette')?.dataset.style ?? '';
    link.onload = resolve;
    link.onerror = () => {
      link.remove();
      sheet = undefined;
      reject(new Error('no sheet'));
    };
    document.head.append(link);
  });
  return sheet;
}

/** Its own ground is the dialog, too. @param {HTMLElement} dialog @param {MouseEvent} event */
function isBeside(dialog, { target, clientX, clientY }) {
  const { left, right, top, bottom } = dialog.getBoundingClientRect();
  const isInside = left <= clientX && clientX <= right && top <= clientY && clientY <= bottom;
  return target === dialog && !isInside;
}

document.addEventListener('click', (event) => {
  const target = event.target instanceof Element ? event.target : null;
  const plain = !event.ctrlKey && !event.metaKey && !event.shiftKey;
  const opener = /** @type {HTMLElement | null} */ (target?.closest('[data-opens]'));
  if (opener && plain) {
    event.preventDefault();
    opener.closest('dialog')?.close();
    deeds.get(opener.dataset.opens ?? '')?.();
  }
  const dialog = /** @type {HTMLDialogElement | null} */ (target?.closest('dialog.palette'));
  if (dialog && (target?.closest('[data-close]') || isBeside(dialog, event))) dialog.close();
});
