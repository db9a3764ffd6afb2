// The card on which a visitor says that he was served. It comes with the first
// question, and brings its words with it. What stands in the log is told by the
// server; what is chosen and typed meanwhile is this card's own, and kept.

import { request } from './requests.js';

/** @typedef {import('./types.d.ts').PartTools} PartTools */
/** @typedef {import('./types.d.ts').RatingCard} RatingCard */
/** @typedef {import('./types.d.ts').RatingDraft} RatingDraft */

const home = new URL('../../', import.meta.url).href;

const STYLE = `
  .panel .rating{display:block;padding:4px 0;white-space:normal}
  .rating fieldset{border:0;padding:0;margin:0;min-width:0}
  .rating legend,.rating b{padding:0;font-weight:600}
  .rating-stars{display:flex;justify-content:space-between;max-width:236px;margin:4px -8px}
  .rating-stars label{position:relative;display:grid;place-items:center;width:44px;height:44px;border-radius:22px;font-size:28px;line-height:1;cursor:pointer}
  .rating-stars label:hover{background:#8883}
  .rating-stars label:has(:focus-visible){outline:2px solid}
  .panel .rating-stars input{position:absolute;inset:0;width:100%;height:100%;min-width:0;margin:0;opacity:0;cursor:pointer}
  .rating-stars label::before{content:'☆';content:'☆' / ''}
  .rating-stars:has(:checked) label::before{content:'★';content:'★' / ''}
  .rating-stars label:has(:checked)~label::before{content:'☆';content:'☆' / ''}
  .rating-word{min-height:1.45em;font-size:13px;color:var(--muted)}
  .rating>label{display:block;margin-top:8px;font-weight:600}
  .panel .rating textarea{display:block;width:100%;height:auto;min-height:66px;margin-top:4px;padding:8px 14px;border-radius:14px;font:inherit;font-size:16px}
  .rating .rating-wrong{margin-top:8px;font-size:13px;color:light-dark(#b3261e,#ffa198)}
  .panel .rating-send{margin-top:8px;padding:0 18px}
  .rating blockquote{margin:4px 0;padding-inline-start:10px;border-inline-start:3px solid var(--muted);white-space:pre-wrap}
  .rating-given{font-size:20px;letter-spacing:2px}
  .rating .rating-again{padding:0;text-decoration:underline}`;

/** @type {CSSStyleSheet | undefined} */
let sheet;

/** @param {Node} place */
function dress(place) {
  const root = place.getRootNode();
  if (!(root instanceof ShadowRoot)) return;
  if (!sheet) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
  }
  if (!root.adoptedStyleSheets.includes(sheet)) root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet];
}

/** The cards of each chat, by their keys: one that is drawn anew goes on where it was. @type {WeakMap<object, Map<string, (place: HTMLElement, card: RatingCard) => void>>} */
const cards = new WeakMap();

/** @param {HTMLElement} place @param {RatingCard} card @param {PartTools} tools */
export function draw(place, card, tools) {
  const { chat, config, t, make } = tools;
  const { key } = card;
  const known = cards.get(chat) || new Map();
  cards.set(chat, known);
  if (known.has(key)) return known.get(key)(place, card);
  known.set(key, follow);
  dress(place);

  /** All of it. @type {HTMLElement} */
  const body = make('div');
  /** Of it, what has the focus, also while it is being drawn anew. @type {any} */
  let held;
  body.addEventListener('focusin', ({ target }) => (held = target));
  body.addEventListener('focusout', () => queueMicrotask(() => body.isConnected && !body.contains(focused()) && (held = undefined)));
  const focused = () => /** @type {any} */ (body.getRootNode()).activeElement;

  /** The answer is open once more. */
  let again = false;
  let busy = false;

  /** What was chosen and typed here or in another tab, and has not been sent. @returns {RatingDraft} */
  const draft = () => {
    const kept = chat.stored().rating;
    return kept?.key == key ? kept : { key };
  };
  /** @param {RatingDraft} [kept] */
  const keep = (kept) => chat.keep((it) => (it.rating = kept));

  const isForm = () => again || (!card.rate && !card.withdrawn);

  /** @param {boolean} [focus] */
  function show(focus) {
    // A question that was taken back is not there, unless he had begun to answer.
    const isOver = card.withdrawn && !again && !draft().comment;
    const row = /** @type {HTMLElement} */ (place.closest('.agent') || place);
    row.hidden = isOver;
    if (isForm()) showForm(focus);
    else if (card.withdrawn) showWithdrawn();
    else showGiven(focus);
  }

  function showWithdrawn() {
    // What was typed can still be taken elsewhere.
    const { comment } = draft();
    body.replaceChildren(make('div', { className: 'rating' }, make('p', {}, card.words.withdrawn), make('blockquote', { dir: 'auto' }, comment || '')));
  }

  /** @param {boolean} [focus] */
  function showGiven(focus) {
    const { words } = card;
    const rate = /** @type {number} */ (card.rate);
    const thanks = make('b', { tabIndex: -1 }, words.thanks);
    const given = make('p', {}, make('span', { className: 'rating-given', ariaHidden: 'true' }, '★'.repeat(rate) + '☆'.repeat(5 - rate)), ' ', words.names[rate - 1]);
    const row = make('div', { className: 'rating' }, thanks, given);
    if (card.comment) row.append(make('blockquote', { dir: 'auto' }, card.comment));
    if (Date.now() - (chat.stored().ahead || 0) < (card.until || 0))
      row.append(
        make('button', { type: 'button', className: 'rating-again', onclick: () => {
          again = true;
          show(true);
        } }, words.change),
      );
    body.replaceChildren(row);
    if (focus) thanks.focus();
  }

  /** @param {boolean} [focus] */
  function showForm(focus) {
    const { words } = card;
    const kept = draft();
    const chosen = kept.rate ?? card.rate;
    const word = make('p', { className: 'rating-word', ariaHidden: 'true' });
    const wrong = make('p', { id: 'wrong-' + key, className: 'rating-wrong', role: 'alert' });
    const name = 'rate-' + key;
    const id = 'comment-' + key;
    const radios = [1, 2, 3, 4, 5].map((value) => make('input', { type: 'radio', name, value, ariaLabel: words.names[value - 1], checked: value == chosen, onchange: choose }));
    const stars = make('div', { className: 'rating-stars' }, ...radios.map((it) => make('label', {}, it)));
    const group = make('fieldset', { role: 'radiogroup' }, make('legend', {}, words.ask), stars, word);
    const comment = make('textarea', { id, rows: 2, dir: 'auto', placeholder: words.hint, value: kept.comment ?? card.comment ?? '', oninput: note });
    const send = make('button', { className: 'rating-send' }, words.send);
    const form = make('form', { className: 'rating', noValidate: true, onsubmit: submit }, group, make('label', { htmlFor: id }, words.comment), comment, wrong, send);

    const rate = () => Number(radios.find((it) => it.checked)?.value) || undefined;
    function say() {
      const value = rate();
      word.textContent = value ? words.rates[value - 1] : `1: ${words.rates[0]}, 5: ${words.rates[4]}`;
    }
    function note() {
      keep({ key, rate: rate(), comment: comment.value });
    }
    function choose() {
      say();
      note();
      wrong.textContent = '';
      group.ariaInvalid = null;
      group.removeAttribute('aria-describedby');
    }

    /** @param {Event} event */
    async function submit(event) {
      event.preventDefault();
      if (busy) return;
      const value = rate();
      if (!value) {
        wrong.textContent = words.choose;
        group.ariaInvalid = 'true';
        group.setAttribute('aria-describedby', wrong.id);
        radios[0].focus();
        return;
      }
      busy = true;
      send.ariaDisabled = 'true';
      wrong.textContent = '';
      const { token } = chat.stored();
      const answer = await request(home + 'w/v1/ratings', config.lang, token, { rating: key, rate: value, comment: comment.value, since: card.at });
      busy = false;
      send.ariaDisabled = null;
      if (!answer.ok) {
        wrong.textContent = answer.told?.detail || (answer.status ? t('problem') : words.offline);
        return;
      }
      const { now, taken, ...told } = answer.told;
      // The clock of this device may be wrong.
      chat.keep((it) => (it.ahead = Date.now() - now));
      card = { ...card, ...told };
      if (!taken) {
        wrong.textContent = words.overtaken.replace('{name}', words.names[told.rate - 1]);
        return;
      }
      keep();
      again = false;
      show(body.contains(focused()));
      announce(value);
    }

    say();
    body.replaceChildren(form);
    if (focus) (radios.find((it) => it.checked) || radios[0]).focus();
  }

  /** To the shop's page. @param {number} rate */
  function announce(rate) {
    const { conversation } = chat.lines().find(({ parts }) => parts?.some(({ data }) => data?.key == key)) || {};
    const detail = { conversation, rate };
    // The chat of an earlier release hands on no way to tell.
    if (tools.emit) tools.emit('rated', detail);
    else /** @type {any} */ (place.getRootNode()).host?.dispatchEvent(new CustomEvent('shopbell:rated', { bubbles: true, detail }));
  }

  /** It came, perhaps from elsewhere; what is being chosen and typed here stays. @param {HTMLElement} to @param {RatingCard} news */
  function follow(to, news) {
    const focus = held;
    place = to;
    stand();
    focus?.focus();
    const isNews = card.at < news.at;
    const { rate, comment } = draft();
    const wasOver = card.withdrawn;
    if (isNews) card = news;
    if (!busy && isNews && (wasOver || !isForm() || (!rate && !comment))) show(!!focus);
  }

  /** In place of its text. It is taller than that: who was at the end of the log stays there. */
  function stand() {
    const log = place.closest('[role=log]');
    const isAtEnd = log && log.scrollHeight - log.scrollTop - log.clientHeight < 100;
    place.replaceChildren(body);
    if (!body.firstChild) show();
    if (isAtEnd) log.scrollTop = log.scrollHeight;
  }

  stand();
}
