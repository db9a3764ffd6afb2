// Buttons that copy a field, and say so.

import { find } from './dom.js';

document.addEventListener('click', async (event) => {
  const target = event.target instanceof Element ? event.target : null;
  const button = target?.closest('[data-copy]');
  if (!(button instanceof HTMLElement)) return;
  const field = find(`#${button.dataset.copy}`);
  if (!(field instanceof HTMLTextAreaElement)) return;
  try {
    await navigator.clipboard.writeText(field.value);
  } catch {
    // Not allowed over plain http: mark it, so that Ctrl+C does.
    field.select();
    if (!document.execCommand('copy')) return;
  }
  const words = find('span', button);
  if (!words || button.dataset.busy) return;
  const before = words.textContent;
  button.dataset.busy = '1';
  words.textContent = button.dataset.done ?? '';
  const said = document.createElement('span');
  said.className = 'sr-only';
  said.textContent = words.textContent;
  find('#toasts')?.append(said);
  setTimeout(() => {
    said.remove();
    words.textContent = before;
    delete button.dataset.busy;
  }, 2000);
});
