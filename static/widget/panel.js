// The chat as a visitor sees it. It draws with DOM calls only, inside a shadow
// root, so that no page's styles, policies or hotkeys come in its way.

import { late, openChat } from './chat.js';

/** @typedef {import('./types.d.ts').Extras} Extras */
/** @typedef {import('./types.d.ts').Line} Line */
/** @typedef {import('./types.d.ts').Panel} Panel */
/** @typedef {import('./types.d.ts').Part} Part */
/** @typedef {import('./types.d.ts').Shell} Shell */
/** @typedef {import('./types.d.ts').SiteConfig} SiteConfig */

/** Screens on which the chat fills everything: phones, upright and on their side. */
const PHONE = '(max-width:480px),(max-height:420px)';
/** Milliseconds: typing is read out no more often than this. */
const TYPING = 10e3;
/** The last character is no punctuation: that belongs to the sentence. */
const LINK = /(https?:\/\/[^\s<>"]*[^\s<>"'.,:;!?)\]])/i;

/** Every text has at least 4.5:1 on what it stands on (WCAG 2.2, 1.4.3). @param {string} color @param {string} ink */
const style = (color, ink) => `
  :host{--brand:${color};--ink:${ink}}
  #launcher>*{color:var(--ink)}
  #launcher b{
    position:absolute;inset-block-start:-5px;inset-inline-end:-5px;
    min-width:12px;padding:1px 5px;border-radius:20px;background:#c8102e;color:#fff;font-size:13px;
  }
  [hidden],b:empty,p:empty{display:none!important}
  .unseen{position:fixed;clip-path:inset(50%)}
  .panel,.panel *{box-sizing:border-box;margin:0;unicode-bidi:plaintext}
  .panel{
    --soft:color-mix(in srgb,CanvasText 9%,Canvas);--muted:color-mix(in srgb,CanvasText 66%,Canvas);
    color-scheme:light dark;flex-direction:column;
    position:fixed;z-index:999999999;inset-block:auto 92px;inset-inline:auto 20px;translate:0 var(--up);
    width:384px;height:min(640px,100dvh - 112px + var(--up,0px));max-width:none;max-height:none;padding:0;
    border:1px solid #8886;border-radius:20px;overflow:hidden;
    background:Canvas;color:CanvasText;box-shadow:0 8px 48px #0004;
    font:15px/1.45 system-ui;overflow-wrap:anywhere;
  }
  .panel[open]{display:flex}
  .panel.start{inset-inline:20px auto}
  .panel :focus-visible{outline:2px solid;outline-offset:-2px}
  .panel button,input,textarea{
    min-width:44px;height:44px;padding:0 10px;border:0;border-radius:22px;background:none;font:inherit;color:inherit;
  }
  .panel button:hover{background:#8883;cursor:pointer}
  .panel button i{display:block;width:24px;height:24px;background:currentColor;forced-color-adjust:none}
  .head{display:flex;align-items:center;padding:12px 8px 12px 20px;background:var(--brand);color:var(--ink)}
  .head div{flex:1;min-width:0}
  .head *{overflow:hidden;white-space:nowrap;text-overflow:ellipsis}
  h2{font-size:17px}
  .panel .more{background:radial-gradient(circle,currentColor 2px,#0000 3px) 0/8px 100%}
  .close{clip-path:path('M6 5 12 11 18 5 19 6 13 12 19 18 18 19 12 13 6 19 5 18 11 12 5 6z')}
  .up{clip-path:path('M12 4 5 11 6 12 11 7 11 20 13 20 13 7 18 12 19 11z')}
  [role=log]{flex:1;overflow-y:auto;overscroll-behavior:contain;padding:20px;display:flex;flex-direction:column}
  .hello{margin:auto 0 20px;text-align:center}
  .hello:only-child{margin:auto}
  .hello p{margin-top:8px}
  h2+p,.system,.name,.foot,.typing,.notice,.refused{font-size:13px}
  .system,.name,.foot,.typing,.hello p{color:var(--muted)}
  .system{margin:12px 20px;text-align:center}
  .agent,.visitor{display:flex;flex-direction:column;align-items:flex-start;max-width:82%;margin-top:12px}
  .visitor{align-self:flex-end;align-items:flex-end}
  .joined{margin-top:2px}
  .bubble{padding:8px 14px;border-radius:20px;overflow:hidden;background:var(--soft);white-space:pre-wrap}
  .visitor .bubble{background:var(--brand);color:var(--ink)}
  .bubble a{color:inherit}
  .name,.foot{display:flex;align-items:center;gap:8px;padding:2px 8px}
  .joined .name,.agent:has(+.joined) .foot,.sent:has(+.sent) .foot,.seen:has(+.seen) .foot{display:none}
  .foot i{display:flex;font-style:normal}
  .waiting i{width:12px;height:12px;border:2px solid;border-radius:50%}
  .waiting i::before{content:'';width:2px;height:5px;margin-inline-start:3px;border:solid;border-width:0 0 1px 1px}
  .sent i::before,.seen i::before,.seen i::after{content:'';width:4px;height:8px;margin:0 2px;border:solid;border-width:0 2px 2px 0;rotate:42deg}
  .failed i::after{content:attr(aria-label)}
  .failed .foot,.refused{color:light-dark(#b3261e,#ffa198);text-align:end}
  .refused button{text-decoration:underline}
  .typing{height:22px;padding:0 20px}
  .notice{padding:8px 20px;background:var(--soft)}
  form{display:flex;align-items:flex-end;gap:8px;padding:8px 12px max(12px,env(safe-area-inset-bottom))}
  .panel :is(input,textarea){flex:1;padding:10px 20px;border:1px solid var(--muted);font-size:16px;line-height:22px}
  textarea{max-height:132px;resize:none}
  ::placeholder{color:var(--muted);opacity:1}
  .panel form>:last-child{background:var(--brand);color:var(--ink);outline-color:CanvasText;outline-offset:2px}
  @media ${PHONE}{
    .panel.panel{inset:0;translate:none;width:100%;height:100dvh;border:0;border-radius:0}
    .head{padding-top:max(12px,env(safe-area-inset-top))}
  }
  @media (prefers-reduced-motion:no-preference){
    .panel[open]{animation:rise .2s}
    @keyframes rise{from{transform:translateY(8px)}}
  }
  @media (forced-colors:active){.bubble,form :last-child{border:1px solid}.panel i{color:ButtonText}}`;

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

/** What is announced, is announced once. @param {Element} node @param {string} text */
function set(node, text) {
  if (node.textContent != text) node.textContent = text;
}

/**
 * Addresses of pages become links; whatever else somebody writes stays text. Beside one that
 * reads otherwise stands where it leads, as the browser itself finds: `network::true_host` here.
 * @param {string} text
 */
const withLinks = (text) =>
  text.split(LINK).flatMap((part, at) => {
    if (at % 2 == 0) return part;
    const link = make('a', { href: part, target: '_blank', rel: 'nofollow noopener noreferrer' }, part);
    const { hostname } = link;
    const reads = part.split(/[/\\?#]/)[2].replace(/:\d*$/, '').toLowerCase();
    return reads == hostname || !hostname ? link : [link, make('span', {}, ` (${hostname})`)];
  });

/** @param {Shell} shell @param {SiteConfig} config @returns {Panel} */
export function mount(shell, config) {
  // A loader that was kept from an earlier release says it so.
  shell.home ||= shell.origin + '/';
  const { root, button, label, home, options, facts, emit, frame } = shell;
  const { lang, texts } = config;
  // The server refused, and says why. On a page that is not of the shop, a button
  // that was kept from before its list takes itself away.
  if (config.status == 403) button.remove();
  if (!texts) throw config;

  /** @param {string} key @param {Record<string, any>} [values] */
  const t = (key, values = {}) => texts[key].replace(/\{(\w+)\}/g, (_, word) => values[word]);
  const phone = matchMedia(PHONE);
  const ending = new AbortController();

  let open = false;
  let hint = '';
  let typingSaid = 0;
  /** @type {Map<string, (line: Line, before?: Line) => Element>} */
  const rows = new Map();

  // What there is to see, from the top.

  /** @param {string} className @param {string} ariaLabel @param {() => void} [onclick] */
  const iconButton = (className, ariaLabel, onclick) => make('button', { ariaLabel, onclick }, make('i', { className }));
  /** @param {string} words @param {() => void} onclick */
  const wordButton = (words, onclick) => make('button', { onclick }, words);

  const heading = make('h2');
  const subtitle = make('p');
  const moreButton = iconButton('more', t('more'), () => withExtras((it) => it.toggle()));
  const closeButton = iconButton('close', t('close'), close);
  const header = make('div', { className: 'head' }, make('div', {}, heading, subtitle), moreButton, closeButton);
  const hello = make('div', { className: 'hello' }, make('h2', {}, t('hello')), make('p', {}, t('intro')));
  const earlier = wordButton(t('earlier'), () => chat.loadOlder());
  const log = make('div', { role: 'log', ariaLabel: t('log'), tabIndex: 0 });
  const typing = make('div', { role: 'status', className: 'typing' });
  const notice = make('p', { role: 'status', className: 'notice' });
  const box = make('textarea', {
    rows: 1,
    dir: 'auto',
    ariaLabel: t('message'),
    placeholder: t('write'),
    enterKeyHint: 'send',
    oninput: type,
  });
  const composer = make('form', { onsubmit: send }, box, iconButton('up', t('send')));
  const panel = frame || make('dialog');
  const badge = make('b');
  const news = make('p', { role: 'status', className: 'unseen' });

  const isVisible = () => open && !document.hidden;
  const toEnd = () => (log.scrollTop = log.scrollHeight);

  // The log.

  /** Its text until its script has come, and where none does. @param {Part} part */
  function drawPart({ text, script, data }) {
    const place = make('div', {}, ...withLinks(text));
    if (script) late(home + script.slice(1)).then((it) => it.draw(place, data, { config, chat, t, make, emit }), () => {});
    return place;
  }

  /** What it returns draws the row, and draws it again in another state. @param {Line} line */
  function draw({ cid, from, body, at, name: author }) {
    const date = new Date(at);
    const isToday = date.toDateString() == new Date().toDateString();
    const when = date.toLocaleString(lang, { timeStyle: 'short', dateStyle: isToday ? undefined : 'medium' });
    const who = from == 'agent' ? author || config.name : '';
    const bubble = make('div', { className: 'bubble', dir: 'auto' }, ...withLinks(body));
    const tick = make('i', { role: 'img' });
    const refused = make('div', { className: 'refused' });
    const row = make('div');
    if (from == 'system') row.append(body);
    else
      row.append(
        make('span', { className: 'unseen' }, `${who || t('you')}, ${when}: `),
        make('p', { className: 'name', ariaHidden: 'true' }, who),
        bubble,
        make('p', { className: 'foot' }, make('span', { ariaHidden: 'true' }, when), from == 'agent' ? '' : tick),
        refused,
      );
    const retry = wordButton(t('retry'), () => {
      box.focus();
      chat.retry(cid);
    });
    const edit = wordButton(t('edit'), () => {
      chat.discard(cid);
      write([body, box.value].join('\n').trim());
    });
    /** @type {string | undefined} */
    let told;
    /** @type {Part[] | undefined} */
    let drawn;
    /** @type {(line: Line, before?: Line) => Element} */
    const update = ({ state, error, parts }, before) => {
      // Nothing is fetched for who does not look; what has changed is drawn anew.
      if (open && parts != drawn) bubble.replaceChildren(.../** @type {Part[]} */ (drawn = parts).map(drawPart));
      row.className = from + ' ' + state + (before?.from == from && before.name == author ? ' joined' : '');
      // As it is called: t('waiting'), t('sent'), t('seen'), t('failed').
      tick.ariaLabel = texts[state];
      if (told != error) refused.replaceChildren(...(error ? [make('p', {}, error.trim() || t('blocked')), retry, edit] : []));
      told = error;
      return row;
    };
    return update;
  }

  /** Brings everything in line with the conversation, touching only what changed. @param {boolean} [quietly] */
  function render(quietly) {
    const fromEnd = log.scrollHeight - log.scrollTop;
    const isAtEnd = fromEnd - log.clientHeight < 100;
    /** @type {Line | undefined} */
    let before;
    let author;
    const nodes = [chat.more ? earlier : hello];
    for (const line of chat.lines()) {
      if (!rows.has(line.cid)) rows.set(line.cid, draw(line));
      const begins = before && before.conversation != line.conversation;
      if (begins) before = author = undefined;
      /** @type {any} */
      const row = rows.get(line.cid)?.(line, before);
      if (begins) nodes.push((row.rule ||= make('hr', { className: 'system' })));
      nodes.push(row);
      before = line;
      author = line.with ?? author;
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

    const answering = chat.state == 'open' && author;
    set(subtitle, answering ? t('with', { name: answering }) : '');
    const writing = chat.writing ? t('typing', { name: chat.writing }) : '';
    if (writing && !typing.textContent) {
      typing.ariaLive = Date.now() - typingSaid < TYPING ? 'off' : 'polite';
      typingSaid = Date.now();
    }
    set(typing, writing);
    tell(hint);
    const count = chat.unread(isVisible());
    set(badge, '' + (count || ''));
    button.ariaLabel = shell.title + (count ? ', ' + t('unread', { count }) : '');
    if (count != facts.unread) emit('unread', { count: (facts.unread = count) });
  }

  /** What stands above the box: a hint about what was just done, or else why nothing gets through. @param {string} [text] */
  function tell(text = '') {
    hint = text;
    set(notice, hint || (chat.trouble == undefined ? '' : chat.trouble || t('offline')));
  }

  // What the visitor does.

  /** @param {string} text */
  function write(text) {
    box.value = text;
    type();
    box.focus();
  }

  function grow() {
    box.style.height = '';
    box.style.height = box.scrollHeight + 2 + 'px';
  }

  function type() {
    grow();
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
    if (length > most) return tell(t('too_long', { length, most }));
    if (text && !chat.send(text)) return tell(t('full'));
    write('');
    toEnd();
  }

  /** @param {any} event */
  function press(event) {
    if (event.target != root.host) return;
    // A hotkey of the page must not fire while somebody types here, and a dialog of the
    // page that keeps the focus to itself must not see it here.
    event.stopPropagation();
    const { type, key, keyCode, shiftKey } = event;
    // 229: the key belongs to an input method, which may still be composing.
    if (type != 'keydown' || keyCode == 229) return;
    const [target] = event.composedPath();
    const menu = target.closest('[role=menu]');
    if (menu) return menu.onkeydown(event);
    if (key == 'Escape') close();
    else if (key == 'Enter' && !shiftKey && target == box) composer.requestSubmit();
    else return;
    event.preventDefault();
  }

  // The panel comes and goes.

  /** The keyboard of a phone covers part of the page, and not of what is to be seen. */
  function fit() {
    const { height = 0, offsetTop = 0, scale = 1 } = visualViewport || {};
    // Whoever zooms in wants it larger, not fitted into what he looks at.
    if (scale > 1) return;
    panel.style.cssText = phone.matches ? `height:${height}px;top:${offsetTop}px` : '';
  }

  /** On a phone nothing else is in reach; on a desk the page stays usable beside it. */
  function show() {
    /** @type {any} */
    const focused = root.activeElement;
    panel.close();
    panel[phone.matches ? 'showModal' : 'show']();
    fit();
    grow();
    toEnd();
    focused?.focus();
  }

  /** @param {boolean} now */
  function turn(now) {
    open = now;
    facts.state = now ? 'open' : 'closed';
    button.ariaExpanded = '' + now;
    news.textContent = '';
    chat.watch(now);
    render();
    emit(now ? 'open' : 'close');
  }

  function close() {
    if (!open || frame) return;
    const isWithin = panel.contains(root.activeElement);
    panel.close();
    if (isWithin) button.focus();
    turn(false);
  }

  const chat = openChat(shell, config, render, ({ id, name: author }) => {
    withExtras((it) => it.ring(id, isVisible() && document.hasFocus()));
    if (!open) news.textContent = t('news', { name: author || config.name });
  }, { config, options, dress });

  /** @type {Promise<Extras> | undefined} */
  let extras;
  /** What is behind "More", and the bell, are fetched when they are needed. @param {(it: Extras) => void} use */
  function withExtras(use) {
    extras ||= late('./extras.js').then((it) => it.addExtras({ root, moreButton, box, chat, t, make, tell }));
    extras?.then(use).catch((cause) => {
      extras = undefined;
      emit('error', { message: 'load failed', cause });
    });
  }

  const sheet = new CSSStyleSheet();
  function dress() {
    // What the shop's page decides goes before the settings of the site.
    const own = options.color;
    const position = options.position || config.position;
    button.style.color = own || config.color;
    // How a launcher says black: no lightness, or, in an earlier release, far below zero.
    const ink = / -|lab\(0/.test(getComputedStyle(label).color) ? '#000' : '#fff';
    sheet.replaceSync(style(getComputedStyle(button).color, own ? ink : config.on_color));
    button.className = position;
    panel.className = 'panel ' + (frame ? 'page' : position);
    set(heading, (panel.ariaLabel = config.name));
  }
  dress();
  root.adoptedStyleSheets.push(sheet);
  button.append(badge);
  label.textContent = options.label || '';

  panel.lang = lang;
  moreButton.ariaHasPopup = 'menu';
  panel.append(header, log, typing, notice, composer);
  root.append(panel, news);
  /** @param {Event} event */
  panel.oncancel = (event) => {
    event.preventDefault();
    close();
  };
  const { signal } = ending;
  for (const type of ['keydown', 'keyup', 'keypress', 'focusin']) addEventListener(type, press, { signal, capture: true });
  visualViewport?.addEventListener('scroll', fit, { signal });
  visualViewport?.addEventListener('resize', () => (fit(), phone.matches && toEnd()), { signal });
  phone.addEventListener('change', () => open && show(), { signal });
  document.addEventListener(
    'securitypolicyviolation',
    (cause) => cause.blockedURI.includes(home.slice(5)) && emit('error', { message: 'blocked by ' + cause.effectiveDirective, cause }),
    { signal },
  );
  box.value = chat.stored().draft || '';
  chat.begin();
  if (frame) turn(true);

  return {
    open(text) {
      if (!open) {
        show();
        turn(true);
        // On a touch screen the keyboard would jump up and cover what there is to read.
        (matchMedia('(pointer:coarse)').matches ? log : box).focus();
      }
      // What the visitor has begun himself stays.
      if (text && !box.value) write(text);
    },
    close,
    restore: () => open && show(),
    reset() {
      box.value = '';
      chat.reset();
    },
    destroy() {
      ending.abort();
      chat.leave();
      panel.remove();
      news.remove();
      badge.remove();
      root.adoptedStyleSheets = root.adoptedStyleSheets.slice(0, 1);
    },
  };
}
