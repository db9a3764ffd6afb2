// Whoever signs out leaves no half-written answers behind on this machine.

import { at } from './dom.js';

document.addEventListener('submit', (event) => {
  const form = event.target;
  if (!(form instanceof HTMLFormElement) || form.action !== at('/logout')) return;
  document.body.dataset.leaving = '';
  try {
    const ours = Object.keys(localStorage).filter((it) => /^shopbell\.(draft|outbox)\./.test(it));
    for (const name of ours) localStorage.removeItem(name);
  } catch {
    // No storage, nothing left behind.
  }
});
