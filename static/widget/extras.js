// What is behind "More", and the bell: fetched after the first message, or when
// somebody asks, so that a visitor who only looks does not wait for it.

/** @typedef {import('./types.d.ts').Answer} Answer */
/** @typedef {import('./types.d.ts').Extras} Extras */
/** @typedef {import('./types.d.ts').Parts} Parts */

const STYLE = `
  [role=menu]{
    position:absolute;z-index:1;inset-block-start:60px;inset-inline-end:8px;padding:8px;
    border:1px solid #8886;border-radius:20px;background:Canvas;box-shadow:0 8px 48px #0006;
  }
  [role=menu] button{display:flex;justify-content:space-between;gap:16px;width:100%;align-items:center}
  [aria-checked=true]::after{content:'';width:5px;height:10px;border:solid;border-width:0 2px 2px 0;rotate:42deg}`;

/** @type {AudioContext | undefined} */
let audio;

/** The bell on the counter: a tone and its fifth, fading. */
function sound() {
  audio ||= new AudioContext();
  for (const pitch of [1319, 1976]) {
    const tone = audio.createOscillator();
    const volume = audio.createGain();
    tone.frequency.value = pitch;
    volume.gain.value = 0.1;
    volume.gain.setTargetAtTime(0, audio.currentTime, 0.3);
    tone.connect(volume).connect(audio.destination);
    tone.start();
    tone.stop(audio.currentTime + 2);
  }
}

/** @param {Parts} parts @returns {Extras} */
export function addExtras({ root, moreButton, box, chat, t, make, tell }) {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(STYLE);
  root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet];

  /** @param {string} words @param {() => void} act @param {string} [role] */
  const item = (words, act, role = 'menuitem') =>
    make('button', { role, tabIndex: -1, onclick: () => (showMenu(false), act()) }, words);

  const endItem = item(t('end'), end);
  const soundsItem = item(t('sounds'), toggleSounds, 'menuitemcheckbox');
  const menu = make(
    'div',
    {
      role: 'menu',
      ariaLabel: t('more'),
      hidden: true,
      onkeydown: press,
      onfocusout: leave,
      // Where a click does not give a button the focus, it must not take the menu's away either.
      onmousedown: (/** @type {Event} */ event) => event.preventDefault(),
    },
    endItem,
    soundsItem,
  );
  moreButton.ariaExpanded = 'false';
  moreButton.tabIndex = 0;
  moreButton.parentElement?.after(menu);

  /** @param {boolean} shown */
  function showMenu(shown) {
    endItem.hidden = chat.state != 'open';
    soundsItem.ariaChecked = String(!chat.stored().silent);
    menu.hidden = !shown;
    moreButton.ariaExpanded = String(shown);
    if (shown) items()[0].focus();
    else moreButton.focus();
  }

  /** @returns {HTMLElement[]} */
  const items = () => [endItem, soundsItem].filter((it) => !it.hidden);

  /** @param {KeyboardEvent} event */
  function press(event) {
    const shown = items();
    const at = shown.findIndex((it) => it == root.activeElement);
    const last = shown.length - 1;
    /** @type {Record<string, number>} */
    const next = { ArrowDown: at < last ? at + 1 : 0, ArrowUp: at ? at - 1 : last, Home: 0, End: last };
    if (event.key in next) shown[next[event.key]].focus();
    else if (event.key == 'Escape') showMenu(false);
    else return;
    // Escape closes the menu, and not the chat as well.
    event.stopPropagation();
    event.preventDefault();
  }

  /** @param {FocusEvent} event */
  function leave({ relatedTarget }) {
    const to = /** @type {Node | null} */ (relatedTarget);
    if (to == moreButton || menu.contains(to)) return;
    menu.hidden = true;
    moreButton.ariaExpanded = 'false';
  }

  function toggleSounds() {
    chat.change((it) => (it.silent = !it.silent));
    if (!chat.stored().silent) sound();
  }

  async function end() {
    report(await chat.end());
    box.focus();
  }

  /** @param {Answer} answer */
  function report({ ok, told }) {
    if (!ok) tell(told?.detail || t('problem'));
  }

  return {
    toggle: () => showMenu(menu.hidden),
    /** One tab rings, and none while somebody reads along in one. */
    ring(id, attended) {
      if (chat.stored().silent || !navigator.userActivation?.hasBeenActive) return;
      /** @param {unknown} lock */
      const once = async (lock) => {
        if (lock && !attended) sound();
        if (lock) await new Promise((done) => setTimeout(done, 2e3));
      };
      if (navigator.locks) navigator.locks.request('shopbell ' + id, { ifAvailable: true }, once);
      else once(true);
    },
  };
}
