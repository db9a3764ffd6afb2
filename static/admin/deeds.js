// Join, resolve, reopen, and whatever else is a form that is sent without leaving
// the page. What can be taken back offers that; what is done tells its form so.

import { find, reason, send } from './dom.js';
import { isConnected, refresh } from './live.js';
import { toast } from './toast.js';
import { expectJoin } from './composer.js';

document.addEventListener('submit', (event) => {
  const form = event.target;
  if (!(form instanceof HTMLFormElement) || !form.dataset.send) return;
  event.preventDefault();
  // Another conversation is on its way to its place: it was meant for that one.
  if (form.closest('[inert]')) return;
  void act(form, event.submitter ?? find('button', form));
});

/**
 * @param {HTMLFormElement} form
 * @param {HTMLElement | null} button
 */
async function act(form, button) {
  if (button?.getAttribute('aria-busy') === 'true') return;
  button?.setAttribute('aria-busy', 'true');
  /** @type {Record<string, string>} */
  const fields = {};
  for (const [name, value] of new FormData(form)) {
    if (name !== 'csrf') fields[name] = String(value);
  }
  const { view } = document.body.dataset;
  const reply = await send(form.getAttribute('action') ?? '', fields);
  const isHere = view === document.body.dataset.view;
  button?.removeAttribute('aria-busy');
  explain(form, null);
  if (!reply.ok) {
    // What is refused as a whole stands beside the only field there is.
    const typed = [...form.elements].filter((it) => it instanceof HTMLInputElement && it.type !== 'hidden');
    const only = typed.length === 1 ? typed[0].getAttribute('name') : '';
    const field = String(reply.body?.field ?? only);
    if (!isHere || !explain(form, field, reason(reply))) toast(reason(reply));
    return;
  }
  if (isHere && ['join', 'take-over'].includes(form.dataset.send ?? '')) expectJoin(form.dataset.send === 'take-over');
  const { said, undo } = form.dataset;
  const words = said?.replace(/\{(\w+)\}/g, (_, name) => fields[name] ?? '');
  if (words && undo) toast(words, { label: undoWord(), act: () => void undoIt(undo) });
  else if (words) toast(words);
  // The news of it may have brought another header before the answer.
  const place = form.isConnected ? form : document;
  place.dispatchEvent(new CustomEvent('shopbell:sent', { bubbles: true, detail: { ...form.dataset } }));
  // The news of it comes over the socket; without one we fetch it.
  if (!isConnected()) void refresh();
}

function undoWord() {
  return document.body.dataset.undo ?? '';
}

/** @param {string} url */
async function undoIt(url) {
  const reply = await send(url, {});
  if (!reply.ok) toast(reason(reply), { label: undoWord(), act: () => void undoIt(url) });
  else if (!isConnected()) void refresh();
}

/**
 * Puts a mistake beside its field; false where there is no such field.
 * @param {HTMLFormElement} form
 * @param {string | null} name
 * @param {string} [text]
 */
function explain(form, name, text = '') {
  find('[data-problem]', form)?.remove();
  find('[aria-invalid]', form)?.removeAttribute('aria-invalid');
  const field = name ? form.elements.namedItem(name) : null;
  if (!(field instanceof HTMLInputElement) || field.type === 'hidden') return false;
  const told = document.createElement('span');
  told.className = 'field-error';
  told.id = `${name}-problem`;
  told.dataset.problem = '';
  told.setAttribute('role', 'alert');
  told.textContent = text;
  field.after(told);
  field.setAttribute('aria-invalid', 'true');
  field.setAttribute('aria-describedby', told.id);
  field.focus();
  return true;
}
