// Whoever signs out leaves nothing half-written behind on this machine, nor where he was.

import { at } from './dom.js';

document.addEventListener('submit', (event) => {
  const form = event.target;
  if (!(form instanceof HTMLFormElement) || form.action !== at('/logout')) return;
  document.body.dataset.leaving = '';
  try {
    const ours = Object.keys(localStorage).filter((it) => /^shopbell\.(draft|outbox|recent)\./.test(it));
    for (const name of ours) localStorage.removeItem(name);
    for (const name of Object.keys(sessionStorage).filter((it) => it.startsWith('shopbell.'))) sessionStorage.removeItem(name);
  } catch {
    // No storage, nothing left behind.
  }
});
