// The visitor's socket. It comes with the first conversation: who only looks
// fetches neither this nor what it connects to. Lines never go out here, only
// signs of typing.

/** @typedef {import('./types.d.ts').Item} Item */
/** @typedef {import('./types.d.ts').Live} Live */
/** @typedef {import('./types.d.ts').Message} Message */
/** @typedef {import('./types.d.ts').Site} Site */

/** Milliseconds: a socket is asked after this much silence, and given up after that. */
const QUIET = 20e3;
const DEAD = 45e3;
/** Agents see this much of what is being typed, and no more often. */
const PREVIEW = 500;
const TYPING = 1e3;

/**
 * @param {string} url
 * @param {object} hello  who we are, and what we have seen
 * @param {(item: Item) => void} receive
 * @param {(code: number) => void} lost  not called after `close`
 * @param {Map<number, Message>} messages
 * @param {Site} site
 * @returns {Live}
 */
export function openLive(url, hello, receive, lost, messages, { config, options, dress }) {
  const socket = new WebSocket(url);
  let isOpen = true;
  let heard = Date.now();
  let typed = 0;
  let typist = 0;

  const heartbeat = setInterval(() => {
    const silence = Date.now() - heard;
    // A connection that died without a word, as when a telephone changes networks.
    if (silence > DEAD) end(1006);
    else if (silence > QUIET) say({ t: 'ping' });
  }, 5e3);

  socket.onopen = () => say(hello);
  socket.onmessage = ({ data }) => {
    heard = Date.now();
    for (const item of [JSON.parse(data)].flat()) if (isOpen) receive(mind(item));
  };
  socket.onclose = ({ code }) => end(code);

  /** What is about lines that are gone, or the site; the rest is for whoever receives. @param {Item} item @returns {Item} */
  function mind(item) {
    const { op, list, id, data, seq } = item;
    if (op == 'remove') messages.delete(+id.slice(2));
    else if (list == 'site') {
      // What the shop's page says itself is not the site's, and stays.
      for (const key of /** @type {const} */ (['color', 'position'])) if (options[key] == config[key]) options[key] = data[key];
      Object.assign(config, data);
      dress();
    } else return item;
    return { seq };
  }

  /** @param {object} signal */
  function say(signal) {
    if (socket.readyState == WebSocket.OPEN) socket.send(JSON.stringify(signal));
  }

  function close() {
    isOpen = false;
    clearInterval(heartbeat);
    clearTimeout(typist);
    socket.close();
  }

  /** @param {number} code */
  function end(code) {
    if (!isOpen) return;
    close();
    lost(code);
  }

  return {
    close,
    /** What stands in the box, or only that something does, where agents may not see it. */
    type(text) {
      clearTimeout(typist);
      const due = typed + TYPING - Date.now();
      if (text && due > 0) {
        typist = setTimeout(this.type, due, text);
        return;
      }
      typed = Date.now();
      // Whole characters: half of one would be no JSON.
      const shown = config.preview ? [...text].slice(0, PREVIEW).join('') : null;
      say({ t: 'typing', on: text != '', text: shown });
    },
  };
}
