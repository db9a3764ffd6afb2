// The one script a shop embeds. All there is before the first click happens in
// here: one request, nothing stored, no socket. The panel comes when it is wanted,
// and takes over whatever only matters from then on.

/** @typedef {import('./types.d.ts').Panel} Panel */
/** @typedef {import('./types.d.ts').Shell} Shell */

(() => {
  /** @type {any} */
  const globals = window;
  const page = document.documentElement;
  /** @type {any} */
  const script = document.currentScript || document.querySelector('script[data-site]');
  const name = script.dataset.global || 'shopbell';
  const early = globals[name];
  // The same script once more, as when the body of a page is swapped.
  if (early?.loaded) return;

  /** What the server knows of its site stands here when it sends this. @type {any} */
  const look = '__LOOK__';

  /** What the launcher is called. @type {Record<string, string>} */
  const names = { en: 'Chat with us', fr: 'Discutez avec nous', tr: 'Bize yazın', ru: 'Напишите нам' };
  // The icon is black or white, whichever is easier to read on the shop's color;
  // it is all border, which high contrast modes keep.
  const css = `
    :host{all:initial!important}
    :host([hidden]) #launcher{display:none}
    #launcher{
      position:fixed;z-index:999999999;inset-block:auto 20px;inset-inline:auto 20px;translate:0 var(--up);
      display:flex;align-items:center;height:60px;padding:0 17px;
      border:1px solid transparent;border-radius:30px;cursor:pointer;
      color:#1f5eff;background:currentColor;box-shadow:0 4px 20px #0004;font:600 16px system-ui;
    }
    #launcher.start{inset-inline:20px auto}
    #launcher:focus-visible{outline:3px solid;outline-offset:3px;box-shadow:0 0 0 3px #fff}
    #launcher>*{color:#fff;color:color(from currentColor xyz calc(1e5*(.18 - y)) calc(1e5*(.18 - y)) calc(1e5*(.18 - y)))}
    #launcher span:not(:empty){margin-inline-start:10px}
    #launcher i{border:12px solid;border-radius:12px;border-end-start-radius:3px}
    @media print{:host{display:none!important}}`;

  /** @type {Panel | undefined} */
  let panel;
  /** @type {Promise<void> | undefined} */
  let loading;
  let started = false;
  let wanted = false;
  let attempts = 0;
  /** @type {Record<string, Set<Function>>} */
  const handlers = {};

  const host = document.createElement('div');
  const root = host.attachShadow({ mode: 'open' });
  const button = document.createElement('button');
  const label = document.createElement('span');

  /** @type {Shell} */
  const shell = {
    root,
    button,
    label,
    title: '',
    home: new URL('.', script.src).href,
    options: { ...early?.settings, ...script.dataset },
    facts: { state: 'closed', unread: 0, visitorId: null },
    emit(event, detail = {}) {
      host.dispatchEvent(new CustomEvent('shopbell:' + event, { bubbles: true, detail }));
      // Whatever a handler of the shop throws is reported, and stops nothing of ours.
      handlers[event]?.forEach((handler) => queueMicrotask(() => handler(detail)));
    },
  };
  const { options, facts, emit, home } = shell;
  /** What an earlier visit left behind; some pages may not even ask. */
  const kept = () => {
    try {
      return Object.keys(localStorage).filter((name) => name.startsWith('shopbell:' + options.site));
    } catch {
      return [];
    }
  };

  const load = () =>
    (loading ||= (async () => {
      try {
        const [module, config] = await Promise.all([
          // A browser may remember that a module failed, so ask by another name.
          import(home + '__WIDGET_URL__?' + attempts++),
          fetch(`${home}w/v1/sites/${options.site}?lang=${options.locale}`),
        ]);
        if (started) panel = module.mount(shell, await config.json());
      } catch (cause) {
        loading = undefined;
        if (wanted) button.ariaLabel = label.textContent = look.down || shell.title;
        emit('error', { message: 'load failed', cause });
      }
    })());

  const attach = () => {
    if (!started || host.isConnected) return;
    // There may be a live one of another script, or an empty copy in a page that was drawn elsewhere.
    const other = document.getElementById(host.id);
    if (other?.shadowRoot) return;
    other?.remove();
    // Outside of the body, and in the top layer: there no style of the page moves or covers
    // it, and no swap of the body takes it away. Dialogs of the page come to lie above.
    page.append(host);
    if (!document.querySelector(':modal')) host.showPopover?.();
    keeper.observe(page, { childList: true });
    panel?.restore();
  };
  const keeper = new MutationObserver(attach);

  const start = () => {
    if (started || !options.site) return;
    const { origins, color, side, lang } = options.site.startsWith(look.key) ? look : {};
    if (origins && !origins.includes(self.origin)) return console.warn(name + ' may not be on ' + self.origin);
    started = true;
    options.locale = (options.locale || page.lang || navigator.language).slice(0, 2).toLowerCase();
    label.textContent = options.label || '';
    button.ariaLabel = shell.title = options.label || names[options.locale] || names[lang] || names.en;
    button.style.color = options.color || color || '';
    button.className = options.position || side || '';
    host.hidden = options.launcher == 'off';
    host.style.setProperty('--up', 20 - +(options.offset || 20) + 'px');
    attach();
    // Somebody who has written here before wants to know of an answer.
    if (kept().some((name) => /"(token|cid)"/.test(localStorage[name]))) setTimeout(load, 1000);
    emit('ready');
  };

  /** @type {Record<string, (...rest: any[]) => any>} */
  const verbs = {
    init(more) {
      Object.assign(options, more);
      start();
    },
    async open(text) {
      wanted = started;
      if (started) await load();
      if (wanted) panel?.open(text);
    },
    close() {
      wanted = false;
      panel?.close();
    },
    toggle: () => verbs[facts.state == 'open' ? 'close' : 'open'](),
    show() {
      host.hidden = false;
    },
    hide() {
      host.hidden = true;
    },
    on(event, handler) {
      (handlers[event] ||= new Set()).add(handler);
      if (event == 'ready' && started) handler({});
      return () => verbs.off(event, handler);
    },
    off(event, handler) {
      if (handler) handlers[event]?.delete(handler);
      else delete handlers[event];
    },
    get(what, tell) {
      facts.online = navigator.onLine;
      tell?.(facts[what]);
      return facts[what];
    },
    reset() {
      for (const name of kept()) delete localStorage[name];
      panel?.reset();
    },
    destroy() {
      verbs.close();
      verbs.reset();
      panel?.destroy();
      panel = loading = undefined;
      started = false;
      host.remove();
    },
  };

  /** Not before the page is read: in the middle of a body we would part its elements. */
  const parsed = new Promise((done) =>
    document.readyState == 'loading' ? addEventListener('DOMContentLoaded', done) : done(0),
  );

  /** @param {any[]} call */
  const api = async (...call) => {
    await parsed;
    const [verb, ...rest] = call;
    try {
      if (!verbs[verb]) {
        console.warn(verb + ' is unknown to ' + name);
        verbs[verb] = () => {};
      }
      return await verbs[verb](...rest);
    } catch (cause) {
      emit('error', { message: verb + ' failed', cause });
    }
  };
  api.loaded = true;
  globals[name] = api;

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

  parsed.then(start);
  for (const call of early?.q || []) api(...call);
})();
