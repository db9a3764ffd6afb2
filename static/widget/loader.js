// The one script a shop embeds. All there is before the first click happens in
// here: one request, nothing stored, no socket. The panel comes when it is wanted,
// and takes over whatever only matters from then on.

/** @typedef {import('./types.d.ts').Panel} Panel */
/** @typedef {import('./types.d.ts').Shell} Shell */

(() => {
  /** @type {any} */
  const script = document.currentScript || document.querySelector('script[data-site]');
  /** Or another name, if the shop says so. @type {'shopbell'} */
  const title = script.dataset.global || 'shopbell';
  /** @type {any} */
  const early = window[title];
  // The same script once more, as when the body of a page is swapped.
  if (early?.loaded) return;

  /** What the server knows of its site, and says in each language, stands here when it sends this. @type {any} */
  const look = '__LOOK__';

  // The icon is black or white, whichever is easier to read on the shop's color;
  // it is all border, which high contrast modes keep.
  const css = `
    :host{all:initial!important}
    #launcher{
      position:fixed;z-index:999999999;bottom:20px;inset-inline:auto 20px;translate:0 var(--up);
      display:flex;gap:10px;align-items:center;height:60px;padding:0 17px;
      border:1px solid #0000;border-radius:30px;cursor:pointer;
      background:currentColor;box-shadow:0 4px 20px #0004;font:600 16px system-ui;
    }
    #launcher.start{inset-inline:20px auto}
    #launcher:focus-visible{outline:3px solid;outline-offset:3px;box-shadow:0 0 0 3px #fff}
    #launcher>*{color:#fff;color:lab(from currentColor calc(1e5*(49.4 - l)) 0 0)}
    #launcher i{border:12px solid;border-radius:12px 12px 12px 3px}
    [hidden],span:empty{display:none!important}
    @media print{*{display:none!important}}`;

  /** What the launcher is called, and what it says where the chat cannot be loaded. @type {string[]} */
  let words;
  /** @type {Panel | undefined} */
  let panel;
  /** @type {Promise<void> | undefined} */
  let loading;
  /** @type {boolean | undefined} */
  let started;
  /** @type {boolean | undefined} */
  let wanted;
  let attempts = 0;
  let up = 0;
  /** @type {Record<string, Function[]>} */
  const handlers = {};

  const host = document.createElement('div');
  const root = host.attachShadow({ mode: 'open' });
  const button = document.createElement('button');

  /** @type {Shell} */
  const shell = {
    root,
    button,
    label: document.createElement('span'),
    home: new URL('.', script.src).href,
    options: { ...look, ...early?.settings, ...script.dataset },
    facts: { state: 'closed', unread: 0, visitorId: null },
    emit(what, detail = {}) {
      host.dispatchEvent(new CustomEvent('shopbell:' + what, { bubbles: true, detail }));
      // Whatever a handler of the shop throws is reported, and stops nothing of ours.
      handlers[what]?.map((handler) => queueMicrotask(() => handler(detail)));
    },
  };
  const { label, options, facts, emit, home } = shell;
  /** What an earlier visit left behind; some pages may not even ask. */
  const kept = () => {
    try {
      return Object.keys(localStorage).filter((key) => key.startsWith('shopbell:' + options.site));
    } catch {
      return [];
    }
  };

  const load = () =>
    (loading ||= Promise.all([
      // A browser may remember that a module failed, so ask by another name.
      import(home + '__WIDGET_URL__?' + attempts++),
      fetch(`${home}w/v1/sites/${options.site}?lang=${options.locale}`).then((it) => it.json()),
    ])
      .then(([module, config]) => {
        if (started) panel = module.mount(shell, config);
      })
      .catch((cause) => {
        loading = undefined;
        if (wanted) button.ariaLabel = label.textContent = words[1];
        emit('error', { message: 'load failed', cause });
      }));

  /** Now and then: a page may have lost it, or show something new where it stands. */
  const tend = () => {
    if (started && !host.isConnected) {
      // Outside of the body, and in the top layer: there no style of the page moves or covers
      // it, and no swap of the body takes it away. Dialogs of the page come to lie above.
      document.documentElement.append(host);
      if (!document.querySelector(':modal')) host.showPopover?.();
      panel?.restore();
    }
    // It steps above what is fixed to the foot of the page, as a cookie bar; not above what
    // is nearly as high as the window.
    const box = button.getBoundingClientRect();
    let foot = box.bottom - up + (20 - /** @type {any} */ (options.offset ?? 20) || 0);
    let last;
    do {
      last = foot;
      // A net of points, close enough for anything that somebody could press.
      for (let n = 16; n--; ) {
        const y = last - (n >> 2) * 20;
        const x = box.x + ((n & 3) * box.width) / 3;
        for (const it of document.elementsFromPoint(x, y).flatMap((it) => [it, ...((it != host && it.shadowRoot?.elementsFromPoint(x, y)) || [])])) {
          const area = it.getBoundingClientRect();
          // Fixed or sticky, and not the dialog whose shade alone is here.
          if (/x|k/.test(getComputedStyle(it).position) && area.bottom > y && area.y > innerHeight / 3 && area.y - 20 < foot) foot = area.y - 20;
        }
      }
    } while (foot < last);
    host.style.setProperty('--up', (up += foot - box.bottom) + 'px');
  };

  /** @type {Record<string, (...rest: any[]) => any>} */
  const verbs = {
    init(more) {
      Object.assign(options, more);
      if (started || !options.site) return;
      if (look.origins && !look.origins.includes(origin)) return console.warn(title + ' may not be on ' + origin);
      started = true;
      options.locale = (options.locale || document.documentElement.lang || navigator.language).slice(0, 2).toLowerCase();
      label.textContent = options.label || '';
      words = look[options.locale] || look[look.lang];
      button.ariaLabel = shell.title = options.label || words[0];
      button.style.color = options.color || '';
      button.className = options.position || '';
      button.hidden = options.launcher == 'off';
      tend();
      // Somebody who has written here before wants to know of an answer.
      if (kept().some((key) => /"(token|cid)"/.test(localStorage[key]))) setTimeout(load, 1e3);
      emit('ready');
    },
    async open(text) {
      if ((wanted = started)) await load();
      if (wanted) panel?.open(text);
    },
    close() {
      wanted = false;
      panel?.close();
    },
    toggle: () => verbs[facts.state == 'open' ? 'close' : 'open'](),
    show() {
      button.hidden = false;
    },
    hide() {
      button.hidden = true;
    },
    on(what, handler) {
      (handlers[what] ||= []).push(handler);
      if (what == 'ready' && started) handler({});
      return () => verbs.off(what, handler);
    },
    off(what, handler) {
      handlers[what] = handlers[what]?.filter((it) => handler && it != handler);
    },
    get(what, tell) {
      facts.online = navigator.onLine;
      tell?.(facts[what]);
      return facts[what];
    },
    reset() {
      kept().map((key) => delete localStorage[key]);
      panel?.reset();
    },
    destroy() {
      verbs.close();
      verbs.reset();
      panel?.destroy();
      started = panel = loading = undefined;
      host.remove();
    },
  };

  /** @type {any} */
  const api = async (/** @type {string} */ verb, /** @type {any[]} */ ...rest) => {
    // Not before the page is read: whoever goes through it then may not expect us there.
    while (document.readyState == 'loading') await new Promise((done) => addEventListener('DOMContentLoaded', done));
    try {
      if (verbs[verb]) return await verbs[verb](...rest);
      console.warn(verb + ' is unknown to ' + title);
    } catch (cause) {
      emit('error', { message: verb + ' failed', cause });
    }
  };
  api.loaded = true;
  window[title] = api;

  host.id = 'shopbell-chat';
  host.popover = 'manual';
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  root.adoptedStyleSheets = [sheet];
  button.id = 'launcher';
  button.ariaHasPopup = 'dialog';
  button.ariaExpanded = 'false';
  button.onclick = verbs.toggle;
  button.append(document.createElement('i'), label);
  root.append(button);

  api('init');
  setInterval(tend, 1e3);
  for (const call of early?.q || []) api(...call);
})();
