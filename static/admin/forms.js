// Plain forms: the first mistake gets the focus, a form is sent once, and what
// the browser knows better than the person is filled in.

import { all, find } from './dom.js';

const wrong = find('[aria-invalid="true"]');
wrong?.focus();

document.addEventListener('submit', (event) => {
  const form = event.target;
  if (!(form instanceof HTMLFormElement) || event.defaultPrevented) return;
  if (form.dataset.sent) return event.preventDefault();
  form.dataset.sent = '1';
  const button = event.submitter ?? find('button', form);
  button?.setAttribute('aria-busy', 'true');
  const slow = form.dataset.slow;
  if (slow && button) button.textContent = slow;
});

// Back from the next page, by the back button: everything can be pressed again.
addEventListener('pageshow', (event) => {
  if (!event.persisted) return;
  for (const form of all('form[data-sent]')) delete form.dataset.sent;
  for (const button of all('[aria-busy]')) button.removeAttribute('aria-busy');
});

const zone = find('[data-zone]');
if (zone instanceof HTMLInputElement) {
  zone.value = Intl.DateTimeFormat().resolvedOptions().timeZone;
}
