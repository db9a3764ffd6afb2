// The palette: what is typed finds pages, people, chats and whatever else rooms have;
// this page adds what can be done on it, and what was picked last. It is a box with a
// list below it (WAI-ARIA APG, combobox with a listbox): the focus stays in the box.

import { all, at, find, recall, remember, startAfresh } from '../dom.js';
import { parse } from '../live.js';
import { fits } from './words.js';

const dialog = /** @type {HTMLDialogElement} */ (find('#palette'));
const box = /** @type {HTMLInputElement} */ (find('input', dialog));
const list = /** @type {HTMLElement} */ (find('.palette-list', dialog));
const said = /** @type {HTMLElement} */ (find('.palette-said', dialog));
const words = dialog.dataset;

/** So long is waited for the next letter. */
const PAUSE = 100;
/** Nothing is said of what takes less. */
const PATIENCE = 150;
const LONGEST = 20_000;
const RECENT = 5;
const MEMORY = `recent.${document.body.dataset.agent}`;

/** The question that is on its way. @type {AbortController | null} */
let asking = null;
/** What was found, and for which words. @type {HTMLElement[]} */
let found = [];
let foundFor = '';
/** Enter was pressed before the answer came. */
let isWanted = false;
/** Somebody has moved in the list: what he stands on stays. */
let hasMoved = false;
/** What an entry presses that is no link; none where it is gone by then.
 * @type {WeakMap<Element, () => HTMLElement | undefined>} */
const deeds = new WeakMap();

/** It was opened just now. */
export function begin() {
  hasMoved = isWanted = false;
  draw();
  void ask();
}

const typed = () => box.value.trim();
const options = () => all('[role="option"]', list);
const active = () => find('[aria-selected="true"]', list);

/** @param {string} text */
function say(text) {
  if (said.textContent !== text) said.textContent = text;
}

/* What there is to do on this page. */

/** Whether somebody can press it, if only after opening the sheet that it is in.
 * @param {HTMLElement} it */
function isOffered(it) {
  if (it.closest('[hidden]') || it.closest('dialog:not([open])')) return false;
  return it.checkVisibility() || !!it.closest('[popover]:not(:popover-open)');
}

/** @param {HTMLElement} it */
const nameOf = (it) => (it.getAttribute('aria-label') || it.textContent || '').trim().replace(/\s+/g, ' ');

/** What is to be pressed there now, by its name. @param {boolean} isOfPage */
function pressable(isOfPage) {
  const found = new Map();
  for (const it of all('button[data-key], a[data-key], [data-deed]')) {
    const name = nameOf(it);
    if (!name || found.has(name) || !!it.closest('main') !== isOfPage || !isOffered(it)) continue;
    found.set(name, it);
  }
  return found;
}

/** Those of the page itself come first; those around it, as signing out, are last, where
 * no hasty Enter lands.
 * @param {boolean} isOfPage */
function here(isOfPage) {
  const made = [];
  for (const [name, it] of pressable(isOfPage)) {
    // By the time it is picked, news may have drawn another in its place.
    if (fits(typed(), name)) made.push(entry(name, '', it.dataset.key ?? '', () => pressable(isOfPage).get(name)));
  }
  return group(isOfPage ? 'deeds' : 'around', words.deeds ?? '', made);
}

/* What was picked last. It is forgotten once somebody sees or may something else. */

/** @returns {{ href: string, words: string, note: string }[]} */
function picked() {
  try {
    const kept = JSON.parse(recall(MEMORY) ?? 'null');
    const picks = kept?.look === document.body.dataset.look && Array.isArray(kept.picks) ? kept.picks : [];
    return picks.filter((/** @type {any} */ it) => /^\/[^/]/.test(it?.href) && it.words);
  } catch {
    return [];
  }
}

/** @param {HTMLElement} link */
function note(link) {
  const href = link.getAttribute('href') ?? '';
  const text = (/** @type {string} */ part) => find(part, link)?.textContent ?? '';
  const pick = { href, words: text('.found-words'), note: text('.chip') };
  const picks = [pick, ...picked().filter((it) => it.href !== href)].slice(0, RECENT);
  remember(MEMORY, JSON.stringify({ look: document.body.dataset.look, picks }));
}

function recent() {
  const made = picked().map((it) => {
    const link = document.createElement('a');
    link.href = it.href;
    return dress(link, it.words, it.note, '');
  });
  return group('recent', words.recent ?? '', made);
}

/* Drawing. */

/** @param {string} key @param {string} label @param {HTMLElement[]} entries */
function group(key, label, entries) {
  if (entries.length === 0) return [];
  const made = document.createElement('section');
  const title = document.createElement('h2');
  title.id = `found-${key}`;
  title.textContent = label;
  made.className = 'found-group';
  made.setAttribute('aria-labelledby', title.id);
  made.append(title, ...entries);
  return [adopt(made)];
}

/** @param {string} name @param {string} chip @param {string} key @param {() => HTMLElement | undefined} deed */
function entry(name, chip, key, deed) {
  const made = dress(document.createElement('div'), name, chip, key);
  deeds.set(made, deed);
  return made;
}

/**
 * @param {HTMLElement} made
 * @param {string} name
 * @param {string} chip
 * @param {string} key
 */
function dress(made, name, chip, key) {
  made.className = 'found-hit';
  for (const [tag, className, text] of [['bdi', 'found-words', name], ['span', 'chip', chip], ['kbd', '', key.toUpperCase()]]) {
    if (!text) continue;
    const part = document.createElement(tag);
    part.className = className;
    part.textContent = text;
    made.append(part);
  }
  return made;
}

/** From a page of links to a part of a listbox. @param {HTMLElement} section */
function adopt(section) {
  const title = find('h2', section);
  section.setAttribute('role', 'group');
  if (title) {
    // The same may stand on the page below.
    title.id = `palette-${title.id}`;
    title.setAttribute('role', 'presentation');
    section.setAttribute('aria-labelledby', title.id);
  }
  for (const it of all('ul, li', section)) it.setAttribute('role', 'presentation');
  for (const it of all('.found-hit', section)) {
    it.setAttribute('role', 'option');
    it.tabIndex = -1;
  }
  return section;
}

/** @param {HTMLElement} it */
const meaning = (it) => it.getAttribute('href') ?? it.textContent;

function draw() {
  const stood = hasMoved ? active() : null;
  const isAsked = typed() !== '';
  list.replaceChildren(...(isAsked ? [] : recent()), ...here(true), ...found, ...(isAsked ? here(false) : []));
  const shown = options();
  shown.forEach((it, n) => { it.id = `palette-${n}`; });
  list.hidden = shown.length === 0;
  box.setAttribute('aria-expanded', String(shown.length > 0));
  choose(shown.find((it) => stood && meaning(it) === meaning(stood)) ?? shown[0]);
}

/** @param {HTMLElement | undefined} option */
function choose(option) {
  for (const it of options()) it.setAttribute('aria-selected', String(it === option));
  if (option) box.setAttribute('aria-activedescendant', option.id);
  else box.removeAttribute('aria-activedescendant');
  // The first brings its heading along.
  if (option && option === options()[0]) list.scrollTop = 0;
  else option?.scrollIntoView({ block: 'nearest' });
}

/** Round and round. @param {number} step */
function move(step) {
  const shown = options();
  const now = active();
  const from = now ? shown.indexOf(now) : -1;
  hasMoved = true;
  choose(shown[(from + step + shown.length) % shown.length]);
}

/* Asking. An answer that a newer question has overtaken is not looked at. */

/** @type {ReturnType<typeof setTimeout> | undefined} */
let soon;

async function ask() {
  clearTimeout(soon);
  asking?.abort();
  const mine = (asking = new AbortController());
  const q = typed();
  const slow = setTimeout(() => {
    list.setAttribute('aria-busy', 'true');
    say(words.busy ?? '');
  }, PATIENCE);
  const answer = await fetchHits(q, mine);
  clearTimeout(slow);
  if (asking !== mine) return;
  asking = null;
  list.removeAttribute('aria-busy');
  found = answer.groups;
  foundFor = q;
  draw();
  say(answer.said || countHere());
  const wanted = isWanted && !answer.isTrouble;
  isWanted = false;
  if (wanted) pick(active());
}

/** What this page has is not counted by the server. */
function countHere() {
  const n = options().length;
  return n === 0 ? (words.nothing ?? '').replace('{q}', typed()) : '';
}

/**
 * @param {string} q
 * @param {AbortController} mine
 * @returns {Promise<{ groups: HTMLElement[], said: string, isTrouble?: boolean }>}
 */
async function fetchHits(q, mine) {
  const trouble = (/** @type {string | undefined} */ text) => ({ groups: [], said: text ?? '', isTrouble: true });
  const late = setTimeout(() => mine.abort(), LONGEST);
  try {
    const url = `${at('/find')}?${new URLSearchParams({ q, part: 'hits' })}`;
    const response = await fetch(url, { headers: { accept: 'text/html' }, signal: mine.signal });
    if (response.url.split('?')[0] === at('/login')) startAfresh();
    if (response.status === 429) return trouble(words.wait);
    if (!response.ok) return trouble(words.failed);
    const page = parse(await response.text());
    const sections = all('.found-group', page);
    const isNothing = q !== '' && sections.length === 0;
    return { groups: sections.map(adopt), said: isNothing ? '' : (find('.found-said', page)?.textContent ?? '') };
  } catch {
    return trouble(words.offline);
  } finally {
    clearTimeout(late);
  }
}

/* Picking. */

/** @param {HTMLElement | null} option */
function pick(option) {
  if (!option) return;
  const deed = deeds.get(option);
  const pressed = deed ? deed() : option;
  if (!pressed) {
    draw();
    return say(words.failed ?? '');
  }
  if (!deed) note(option);
  // The page may stay, and the next question is another.
  box.value = '';
  dialog.close();
  pressed.click();
}

box.addEventListener('input', () => {
  hasMoved = isWanted = false;
  // What was asked is no longer what stands there: Enter is not for its answer.
  asking?.abort();
  asking = null;
  draw();
  clearTimeout(soon);
  soon = setTimeout(() => void ask(), PAUSE);
});

box.addEventListener('keydown', (event) => {
  if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step || options().length === 0) return;
  event.preventDefault();
  move(step);
});

find('form', dialog)?.addEventListener('submit', (event) => {
  event.preventDefault();
  const option = active();
  const isNow = !!option && (hasMoved || deeds.has(option) || foundFor === typed());
  if (isNow) return pick(option);
  isWanted = true;
  if (!asking) void ask();
});

list.addEventListener('click', (event) => {
  const target = event.target instanceof Element ? event.target : null;
  const option = /** @type {HTMLElement | null} */ (target?.closest('[role="option"]'));
  // Another tab leaves this page as it is; what is picked below clicks once more.
  if (!option || !dialog.open || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  pick(option);
});

dialog.addEventListener('close', () => {
  clearTimeout(soon);
  asking?.abort();
  asking = null;
  isWanted = false;
});

addEventListener('online', () => {
  if (dialog.open) void ask();
});
