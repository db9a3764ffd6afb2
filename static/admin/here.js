// Who takes part in a conversation. Entries and headers are drawn for all agents
// alike; what of them is for this one is told here.

import { all, find } from './dom.js';

const me = document.body.dataset.agent ?? '';

/** @param {HTMLElement | null} place  an entry of a list, or a header */
export const takesPart = (place) => (place?.dataset.here ?? '').split(' ').includes(me);

/** What he can do in the header. */
export function drawHere() {
  const header = find('#header');
  if (!header) return;
  const { assignee = '' } = header.dataset;
  for (const form of all('[data-send="leave"]', header)) form.hidden = !takesPart(header);
  for (const form of all('[data-send="take-over"]', header)) form.hidden = assignee === me || assignee === '';
}

/** A header takes the place of another; the sheet that stood open does so again.
 * @param {HTMLElement} old
 * @param {HTMLElement} fresh */
export function replaceHeader(old, fresh) {
  const sheet = find('#here', old);
  const stoodOpen = sheet?.matches(':popover-open');
  const hadFocus = old.contains(document.activeElement);
  old.replaceWith(fresh);
  drawHere();
  const again = stoodOpen ? find('#here', fresh) : null;
  again?.showPopover();
  if (hadFocus) find(again ? '#here .button' : '.thread-tools .button', fresh)?.focus();
}

// Not once it is done: by then the news of it may have brought another header.
document.addEventListener('submit', (event) => {
  const form = event.target;
  if (form instanceof HTMLFormElement && ['leave', 'take-over'].includes(form.dataset.send ?? '')) find('#here')?.hidePopover();
});
