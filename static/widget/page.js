// The stand-alone page: the same chat, filling the window instead of a corner.
// Browsers without scripts never get here; the page itself serves them.

import { mount } from './panel.js';

/** @typedef {import('./types.d.ts').Shell} Shell */
/** @typedef {import('./types.d.ts').SiteConfig} SiteConfig */

const STYLE = `
  .panel.page{
    display:flex;inset:0;width:min(100%,760px);height:100dvh;margin:0 auto;
    border-width:0 1px;border-radius:0;box-shadow:none;
  }
  .panel.page .head button:last-child{display:none}
  @media (max-width:760px){.panel.page{border:0}}`;

const place = /** @type {HTMLElement} */ (document.getElementById('shopbell-page'));
const { site = '', locale = document.documentElement.lang } = place.dataset;
const title = document.title;
const home = new URL('../../', import.meta.url).href;

/** @param {string} name @param {any} [detail] */
function emit(name, detail) {
  if (name == 'unread') document.title = (detail.count ? `(${detail.count}) ` : '') + title;
  place.dispatchEvent(new CustomEvent('shopbell:' + name, { bubbles: true, detail }));
}

/** @param {SiteConfig} config */
function begin(config) {
  const frame = document.createElement('section');
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(STYLE);
  // Without a script another part of the page is what it is about.
  place.role = 'main';
  const root = place.attachShadow({ mode: 'open' });
  // The panel speaks to a launcher; here to one that nobody sees.
  const button = document.createElement('button');
  const label = document.createElement('span');
  button.hidden = true;
  button.append(label);
  root.append(button);
  /** @type {Shell} */
  const shell = {
    root,
    frame,
    emit,
    title,
    home,
    options: { site },
    facts: { state: 'open', unread: 0 },
    button,
    label,
  };
  mount(shell, config);
  root.adoptedStyleSheets.push(sheet);
}

/** The page itself came from there a moment ago, so what fails now passes. */
async function load() {
  try {
    const answer = await fetch(`${home}w/v1/sites/${encodeURIComponent(site)}?lang=${encodeURIComponent(locale)}`);
    if (!answer.ok) throw answer;
    begin(await answer.json());
  } catch (cause) {
    emit('error', { message: 'load failed', cause });
    setTimeout(load, 3e3);
  }
}

load();
