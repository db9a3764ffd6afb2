// The chat as a visitor sees it. It draws with DOM calls only, inside a shadow
// root, so that no page's styles, policies or hotkeys come in its way.

import { openChat } from './chat.js';

/** @typedef {import('./types.d.ts').Answer} Answer */
/** @typedef {import('./types.d.ts').Line} Line */
/** @typedef {import('./types.d.ts').Panel} Panel */
/** @typedef {import('./types.d.ts').Shell} Shell */
/** @typedef {import('./types.d.ts').SiteConfig} SiteConfig */

/** Screens on which the chat fills everything. */
const PHONE = '(max-width:480px)';
/** Milliseconds: typing is read out no more often than this. */
const TYPING = 10_000;
/** The last character is no punctuation: that belongs to the sentence. */
const LINK = /(https?:\/\/[^\s<>"]*[^\s<>"'.,:;!?)\]])/i;

/** Every text has at least 4.5:1 on what it stands on (WCAG 2.2, 1.4.3). @param {string} color @param {string} ink */
const style = (color, ink) => `
  :host{--brand:${color};--ink:${ink};--cross:path('M6 5 12 11 18 5 19 6 13 12 19 18 18 19 12 13 6 19 5 18 11 12 5 6z')}
  #launcher>*{color:var(--ink)}
  #launcher[aria-expanded=true] i{width:24px;height:24px;border:0;border-radius:0;background:currentColor;clip-path:var(--cross)}
  #launcher b{
    position:absolute;inset-block-start:-5px;inset-inline-end:-5px;
    min-width:12px;padding:1px 5px;border-radius:11px;background:#c8102e;color:#fff;font-size:13px;
  }
  [hidden],b:empty,p:empty{display:none!important}
  .unseen{position:fixed;clip-path:inset(50%)}
  .panel,.panel *{box-sizing:border-box;margin:0}
  .panel{
    --surface:#fff;--soft:#f1f3f6;--text:#14171c;--muted:#59616e;--edge:#858d9a;--link:#1d4fd7;--bad:#b3261e;
    color-scheme:light dark;flex-direction:column;
    position:fixed;z-index:999999999;inset-block:auto 92px;inset-inline:auto 20px;
    width:384px;height:min(640px,100dvh - 112px);max-width:none;max-height:none;padding:0;
    border:1px solid #7f8ea355;border-radius:20px;overflow:hidden;
    background:var(--surface);color:var(--text);box-shadow:0 8px 48px #0f172a40;
    font:15px/1.45 system-ui;overflow-wrap:anywhere;
  }
  .panel[open]{display:flex}
  .panel.start{inset-inline:20px auto}
  .panel :focus-visible{outline:3px solid var(--link);outline-offset:-3px}
  .panel button,.panel input,textarea{
    min-width:44px;height:44px;padding:0 12px;border:0;border-radius:22px;background:none;font:inherit;color:inherit;
  }
  button:hover{background:#7f8ea333;cursor:pointer}
  button i{display:block;width:24px;height:24px;margin:auto -2px;background:currentColor;forced-color-adjust:none}
  header{display:flex;align-items:center;padding:12px 8px 12px 16px;background:var(--brand);color:var(--ink)}
  header :focus-visible{outline-color:var(--ink)}
  header div{flex:1;min-width:0}
  header p,h2{overflow:hidden;white-space:nowrap;text-overflow:ellipsis;font-size:13px}
  h2{font-size:17px}
  .more{background:radial-gradient(circle,currentColor 2px,#0000 2.5px) 0/8px 100%}
  .close{clip-path:var(--cross)}
  .up{clip-path:path('M12 4 5 11 6 12 11 7 11 20 13 20 13 7 18 12 19 11z')}
  [role=menu]{
    position:absolute;inset-block-start:60px;inset-inline-end:8px;padding:6px;
    border-radius:14px;background:var(--surface);box-shadow:0 4px 32px #0f172a66;
  }
  [role=menu] button{display:block;width:100%;border-radius:9px;text-align:start}
  [aria-checked=true]::after{content:' ✓'}
  [role=log]{flex:1;overflow-y:auto;overscroll-behavior:contain;padding:16px;display:flex;flex-direction:column}
  .hello{margin:auto 0 8px;padding:24px 8px;text-align:center}
  .hello h2{color:var(--text)}
  .hello p{margin-top:8px}
  .hello,.system,.name,.foot,.typing{color:var(--muted);font-size:13px}
  .system{margin:12px 16px;text-align:center}
  .agent,.visitor{max-width:82%;margin-top:12px}
  .visitor{align-self:flex-end}
  .joined{margin-top:2px}
  .agent>*,.visitor>*{width:fit-content}
  .visitor>*{margin-inline-start:auto}
  .bubble{padding:9px 14px;border-radius:18px;overflow:hidden;background:var(--soft);white-space:pre-wrap}
  .visitor .bubble{background:var(--brand);color:var(--ink)}
  .bubble a{color:inherit}
  .name,.foot{display:flex;align-items:center;gap:6px;padding:2px 6px}
  .joined .name,.agent:has(+.joined) .foot,.sent:has(+.sent) .foot,.seen:has(+.seen) .foot{display:none}
  .foot i{display:flex;font-style:normal}
  .waiting i{width:10px;height:10px;border:1px solid;border-radius:50%}
  .waiting i::before{content:'';width:2px;height:5px;margin-inline-start:4px;border:solid;border-width:0 0 1px 1px}
  .sent i::before,.seen i::before,.seen i::after{content:'';width:3px;height:8px;margin:0 2px;border:solid;border-width:0 2px 2px 0;rotate:42deg}
  .seen i{color:var(--link)}
  .failed i::after{content:attr(aria-label)}
  .failed .foot,.refused{color:var(--bad)}
  .refused{text-align:end}
  .typing{height:22px;padding:0 20px}
  .notice{padding:9px 16px;background:var(--soft);font-size:13px}
  form{display:flex;align-items:flex-end;gap:8px;padding:8px 12px max(12px,env(safe-area-inset-bottom))}
  .panel input,textarea{flex:1;padding:10px 16px!important;border:1px solid var(--edge)!important;font-size:16px!important;line-height:22px}
  textarea{max-height:132px;resize:none}
  ::placeholder{color:var(--muted);opacity:1}
  .panel .send{background:var(--brand);color:var(--ink)}
  .send:focus-visible{outline-offset:2px!important}
  @media ${PHONE}{
    .panel{inset:0;width:100%;height:100dvh;border:0;border-radius:0}
    header{padding-top:max(12px,env(safe-area-inset-top))}
  }
  @media (prefers-color-scheme:dark){
    .panel{--surface:#16181d;--soft:#262a32;--text:#f2f4f7;--muted:#a6aebb;--edge:#747d8b;--link:#8fb4ff;--bad:#ffa198}
  }
  @media (prefers-reduced-motion:no-preference){
    .panel[open]{animation:rise .2s}
    @keyframes rise{from{transform:translateY(9px)}}
  }
  @media (forced-colors:active){.bubble,.send,[role=menu]{border:1px solid}}`;

/**
 * @param {string} tag
 * @param {object} [properties]
 * @param {(Node | string)[]} children
 * @returns {any}
 */
function make(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

/** Addresses of pages become links; whatever else somebody writes stays text. @param {string} text */
const withLinks = (text) =>
  text
    .split(LINK)
    .map((part, at) => (at % 2 ? make('a', { href: part, target: '_blank', rel: 'noopener noreferrer' }, part) : part));

/** @type {AudioContext} */
let audio;

/** The bell on the counter: a tone and its fifth, fading. */
function ring() {
  audio ||= new AudioContext();
  for (const pitch of [1319, 1976]) {
    const tone = audio.createOscillator();
    const volume = audio.createGain();
    const now = audio.currentTime;
    tone.frequency.value = pitch;
    volume.gain.setValueAtTime(0.1, now);
    volume.gain.exponentialRampToValueAtTime(0.001, now + 1);
    tone.connect(volume).connect(audio.destination);
    tone.start();
    tone.stop(now + 1);
  }
}

/** @param {Shell} shell @param {SiteConfig} config @returns {Panel} */
export function mount(shell, config) {
  const { root, button, options, facts, emit, origin } = shell;
  const { name, lang, texts } = config;

  /** @param {string} key @param {Record<string, any>} [values] */
  const t = (key, values = {}) => texts[key].replace(/\{(\w+)\}/g, (_, word) => values[word]);
  /** @type {Record<string, string>} */
  const states = { waiting: t('waiting'), sent: t('sent'), seen: t('seen'), failed: t('failed') };
  const phone = matchMedia(PHONE);
  const ending = new AbortController();
  const { signal } = ending;

  let open = !!shell.frame;
  let answering = '';
  let trouble = '';
  let typingEnds = 0;
  let typingSaid = 0;
  /** @type {Map<string, (line: Line, before?: Line) => Element>} */
  const rows = new Map();

  // What there is to see, from the top.

  const title = make('h2', { tabIndex: -1 }, name);
  const subtitle = make('p');
  const endItem = make('button', { role: 'menuitem', onclick: end }, t('end'));
  const transcriptItem = make('button', { role: 'menuitem', onclick: () => showTranscript(true) }, t('transcript'));
  const soundsItem = make('button', { role: 'menuitemcheckbox', onclick: toggleSounds }, t('sounds'));
  const menu = make('div', { role: 'menu', ariaLabel: t('more'), hidden: true }, endItem, transcriptItem, soundsItem);
  const moreButton = make('button', { ariaLabel: t('more'), ariaHasPopup: 'menu', onclick: () => showMenu(menu.hidden) }, make('i', { className: 'more' }));
  const closeButton = make('button', { ariaLabel: t('close'), onclick: close }, make('i', { className: 'close' }));
  const hello = make('div', { className: 'hello' }, make('h2', {}, t('hello')), make('p', {}, t('intro')), make('p', {}, config.preview ? t('preview') : ''));
  const earlier = make('button', { onclick: () => chat.loadOlder() }, t('earlier'));
  const log = make('div', { role: 'log', ariaLabel: t('log'), tabIndex: 0 });
  const typing = make('p', { role: 'status', className: 'typing' });
  const notice = make('p', { role: 'status', className: 'notice' });
  const email = make('input', { type: 'email', required: true, autocomplete: 'email', ariaLabel: t('email'), placeholder: t('email') });
  const cancel = make('button', { type: 'button', onclick: () => showTranscript(false) }, t('cancel'));
  const transcript = make('form', { hidden: true, onsubmit: sendTranscript }, email, make('button', {}, t('email_it')), cancel);
  const box = make('textarea', { rows: 1, dir: 'auto', ariaLabel: t('message'), placeholder: t('write'), enterKeyHint: 'send', oninput: type });
  const sendButton = make('button', { className: 'send', ariaLabel: t('send') }, make('i', { className: 'up' }));
  const panel = make(
    'dialog',
    { className: 'panel ' + (options.position || config.position), ariaLabel: name, lang },
    make('header', {}, make('div', {}, title, subtitle), moreButton, closeButton),
    menu,
    log,
    typing,
    notice,
    transcript,
    make('form', { onsubmit: send }, box, sendButton),
  );
  const badge = make('b');
  const news = make('p', { role: 'status', className: 'unseen' });

  const isVisible = () => open && !document.hidden;
  const toEnd = () => (log.scrollTop = log.scrollHeight);

  // The log.

  /** What it returns draws the row, and draws it again in another state. @param {Line} line */
  function draw({ cid, from, body, at, name: author }) {
    if (from == 'system') {
      const row = make('p', { className: from, dir: 'auto' }, body);
      return () => row;
    }
    const date = new Date(at);
    const isToday = date.toDateString() == new Date().toDateString();
    const when = date.toLocaleString(lang, { timeStyle: 'short', dateStyle: isToday ? undefined : 'medium' });
    const who = from == 'agent' ? author || name : '';
    const tick = make('i', { role: 'img' });
    const refused = make('div', { className: 'refused' });
    const row = make(
      'div',
      {},
      make('span', { className: 'unseen' }, `${who || t('you')}, ${when}: `),
      make('p', { className: 'name', ariaHidden: 'true' }, who),
      make('p', { className: 'bubble', dir: 'auto' }, ...withLinks(body)),
      make('p', { className: 'foot' }, make('span', { ariaHidden: 'true' }, when), tick),
      refused,
    );
    const retry = make('button', { onclick: () => chat.retry(cid) }, t('retry'));
    const edit = make('button', { onclick: takeBack }, t('edit'));
    function takeBack() {
      chat.discard(cid);
      write(body);
    }
    return (/** @type {Line} */ { state, error }, /** @type {Line | undefined} */ before) => {
      row.className = `${from} ${state} ${before && before.from == from && before.name == author ? 'joined' : ''}`;
      tick.ariaLabel = states[state];
      if (error) refused.replaceChildren(error, retry, edit);
      else refused.replaceChildren();
      return row;
    };
  }

  /** Brings everything in line with the conversation, touching only what changed. @param {boolean} [quietly] */
  function render(quietly) {
    const fromEnd = log.scrollHeight - log.scrollTop;
    const isAtEnd = fromEnd - log.clientHeight < 100;
    /** @type {Line | undefined} */
    let before;
    const nodes = [chat.more ? earlier : hello];
    for (const line of chat.lines()) {
      if (!rows.has(line.cid)) rows.set(line.cid, draw(line));
      nodes.push(rows.get(line.cid)?.(line, before));
      before = line;
      if (line.from == 'agent') answering = line.name || '';
    }
    // Old lines are not read out: only what comes while somebody is here.
    if (quietly) {
      log.ariaBusy = 'true';
      setTimeout(() => (log.ariaBusy = 'false'), 300);
    }
    for (const node of [...log.children]) if (!nodes.includes(node)) node.remove();
    nodes.forEach((node, at) => {
      if (log.children[at] != node) log.insertBefore(node, log.children[at]);
    });
    if (isAtEnd) toEnd();
    else if (quietly) log.scrollTop = log.scrollHeight - fromEnd;

    subtitle.textContent = answering && t('with', { name: answering });
    endItem.hidden = chat.state != 'open';
    transcriptItem.hidden = !config.transcript || chat.state == 'none';
    soundsItem.ariaChecked = '' + !chat.stored().silent;
    if (isVisible()) chat.see();
    const count = isVisible() ? 0 : chat.unread;
    badge.textContent = '' + (count || '');
    button.ariaLabel = shell.title + (count ? ', ' + t('unread', { count }) : '');
    if (count != facts.unread) {
      facts.unread = count;
      emit('unread', { count });
    }
  }

  /** One tab rings, and none while somebody reads along. @param {number} id */
  function ringOnce(id) {
    const decide = () => {
      if (!isVisible() || !document.hasFocus()) ring();
      return new Promise((done) => setTimeout(done, 2_000));
    };
    if (navigator.userActivation.hasBeenActive && !chat.stored().silent)
      navigator.locks?.request('shopbell ' + id, { ifAvailable: true }, (lock) => lock && decide());
  }

  /** @param {string} [hint] */
  function tell(hint) {
    notice.textContent = hint || trouble;
  }

  // What the visitor does.

  /** @param {string} text */
  function write(text) {
    box.value = text;
    type();
    box.focus();
  }

  function type() {
    box.style.height = 'auto';
    box.style.height = box.scrollHeight + 2 + 'px';
    chat.keep((it) => (it.draft = box.value));
    chat.typing(box.value);
    tell();
  }

  /** @param {Event} event */
  function send(event) {
    event.preventDefault();
    const text = box.value.trim();
    const { length } = [...text];
    const most = config.message_max;
    if (length > most) tell(t('too_long', { length, most }));
    else if (text && !chat.send(text)) tell(t('full'));
    else write('');
    toEnd();
  }

  /** @param {boolean} shown */
  function showMenu(shown) {
    menu.hidden = !shown;
    moreButton.ariaExpanded = '' + shown;
    if (shown) menu.querySelector('button:not([hidden])').focus();
  }

  /** @param {boolean} shown */
  function showTranscript(shown) {
    transcript.hidden = !shown;
    (shown ? email : box).focus();
  }

  /** @param {Answer} answer @param {string} [done] */
  const report = ({ ok, told }, done) => tell(ok ? done : told.detail || t('problem'));

  /** @param {Event} event */
  async function sendTranscript(event) {
    event.preventDefault();
    const { value } = email;
    const answer = await chat.transcript(value);
    report(answer, t('emailed', { email: value }));
    if (answer.ok) showTranscript(false);
  }

  async function end() {
    report(await chat.end());
    box.focus();
  }

  function toggleSounds() {
    chat.change((it) => (it.silent = !it.silent));
  }

  // The panel comes and goes.

  function fit() {
    const { height = 0, offsetTop = 0 } = (phone.matches && visualViewport) || {};
    panel.style.height = height ? height + 'px' : '';
    panel.style.top = height ? offsetTop + 'px' : '';
  }

  /** On a phone nothing else is in reach; on a desk the page stays usable beside it. */
  function show() {
    const focused = /** @type {HTMLElement | null} */ (root.activeElement);
    panel.close();
    if (phone.matches) panel.showModal();
    else panel.show();
    fit();
    toEnd();
    focused?.focus();
  }

  function turn(/** @type {boolean} */ now) {
    open = now;
    facts.state = now ? 'open' : 'closed';
    button.ariaExpanded = '' + now;
    chat.watch(now);
    render();
    emit(now ? 'open' : 'close');
  }

  function close() {
    if (!open || shell.frame) return;
    const within = panel.contains(root.activeElement);
    panel.close();
    if (within) button.focus();
    turn(false);
  }
  return { open() {}, close, restore() {}, reset() {}, destroy() {} };
}
