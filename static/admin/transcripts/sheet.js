// The sheet that sends a transcript.

import { find } from '../dom.js';
import { mounted } from '../parts.js';

mounted(({ root }) => {
  const sheet = find('#transcript', root);

  sheet?.addEventListener('toggle', () => {
    if (sheet.matches(':popover-open')) find('input[type="email"]', sheet)?.focus();
  });

  sheet?.addEventListener('shopbell:sent', (event) => {
    if (event.target instanceof HTMLFormElement) event.target.reset();
    sheet.hidePopover();
  });

  // A refused form came back open, for those without a script.
  if (sheet && 'open' in sheet.dataset) {
    sheet.setAttribute('popover', '');
    sheet.showPopover();
  }
});
