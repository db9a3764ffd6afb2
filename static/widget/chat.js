// The conversation as this browser knows it: what is kept, what is on its way,
// what arrives, in this tab and in the others. It draws nothing.

/** @typedef {import('./types.d.ts').Answer} Answer */
/** @typedef {import('./types.d.ts').Chat} Chat */
/** @typedef {import('./types.d.ts').History} History */
/** @typedef {import('./types.d.ts').Item} Item */
/** @typedef {import('./types.d.ts').Line} Line */
/** @typedef {import('./types.d.ts').Listener} Listener */
/** @typedef {import('./types.d.ts').Message} Message */
/** @typedef {import('./types.d.ts').Posted} Posted */
/** @typedef {import('./types.d.ts').Shell} Shell */
/** @typedef {import('./types.d.ts').SiteConfig} SiteConfig */
/** @typedef {import('./types.d.ts').Stored} Stored */

/** As many unsent messages as are kept. */
const OUTBOX = 50;
/** Milliseconds: a socket is asked after this much silence, and given up after that. */
const QUIET = 20_000;
const DEAD = 45_000;
/** How long a hidden page stays connected. */
const HIDDEN = 60_000;
/** Agents see this much of what is being typed, and no more often. */
const PREVIEW = 500;
const TYPING = 1_000;

/** Full jitter, so that many who were cut off together do not come back together. @param {number} attempt */
const pause = (attempt) => Math.random() * Math.min(30_000, 500 * 2 ** attempt);

/** Whether the same request may succeed later. @param {Answer} answer */
const mayPass = ({ status }) => !status || status == 408 || status == 429 || status >= 500;

/** @param {Shell} shell @param {SiteConfig} config @param {Listener} listener @returns {Chat} */
export function openChat({ origin, options, emit, facts }, { lang, preview }, listener) {
  const api = origin + '/w/v1';
  const key = 'shopbell:' + options.site;
  const ending = new AbortController();
  /** @type {Map<number, Message>} */
  const messages = new Map();

  /** @type {Stored} */
  let memory = { outbox: [] };
  let storable = true;
  /** @type {string | undefined} */
  let token;
  /** @type {BroadcastChannel | undefined} */
  let tabs;

  /** @type {History['state']} */
  let state = 'none';
  let loaded = false;
  let more = false;
  let seq = 0;
  let epoch = '';
  let agentsSeen = 0;
  let reported = 0;

  /** @type {WebSocket | undefined} */
  let socket;
  let watching = false;
  let waking = false;
  /** In the back-forward cache, or hidden for long, a page keeps no socket. */
  let resting = true;
  /** The server wants no socket from here. */
  let stopped = false;
  let attempts = 0;
  let heard = 0;
  let heartbeat = 0;
  let waker = 0;
  let hiding = 0;

  let posting = false;
  let failures = 0;
  let postman = 0;
  let typed = 0;
  let typist = 0;

  // What this browser keeps.

  /** @returns {Stored} */
  function stored() {
    try {
      if (storable) memory = { outbox: [], ...JSON.parse(localStorage.getItem(key) || '{}') };
    } catch {
      storable = false;
    }
    return memory;
  }

  function learn() {
    const kept = stored();
    token = kept.token;
    facts.visitorId = kept.number || null;
    return kept;
  }

  /** Other tabs write too, so a change starts from what is there now. @param {(it: Stored) => void} edit */
  function keep(edit) {
    edit(stored());
    try {
      if (storable) localStorage.setItem(key, JSON.stringify(memory));
    } catch {
      storable = false;
    }
    learn();
  }

  /** A change that everybody should see. @param {(it: Stored) => void} edit */
  function change(edit) {
    keep(edit);
    tabs?.postMessage({});
    listener.changed();
  }

  function forget() {
    messages.clear();
    state = 'none';
    loaded = more = stopped = false;
    seq = reported = agentsSeen = 0;
    disconnect();
  }

  /** @param {{ data: { message?: Message } }} event */
  function hearTab({ data: { message } }) {
    if (token != learn().token) forget();
    if (message && loaded) add(message);
    wake();
    listener.changed();
  }

  // Requests.

  /** @param {string} path @param {object} [body] @returns {Promise<Answer>} */
  async function ask(path, body) {
    const used = token;
    try {
      const response = await fetch(api + path, {
        method: body ? 'POST' : 'GET',
        headers: {
          'accept-language': lang,
          ...(body && { 'content-type': 'application/json' }),
          ...(used && { authorization: 'Bearer ' + used }),
        },
        body: JSON.stringify(body),
        // What is sent just before the page is left still arrives.
        keepalive: !!body,
        signal: AbortSignal.timeout(20_000),
      });
      const { ok, status, headers } = response;
      if (status == 401 && token == used) {
        forget();
        change((it) => (it.token = it.number = it.conversation = it.read = undefined));
      }
      return { ok, status, told: await response.json().catch(() => ({})), seconds: Number(headers.get('retry-after')) };
    } catch {
      return { ok: false, status: 0, told: {}, seconds: 0 };
    }
  }

  /** @param {boolean} [older] */
  async function loadHistory(older) {
    const answer = await ask('/history' + (older ? '?before=' + Math.min(...messages.keys()) : ''));
    if (!answer.ok) return answer;
    /** @type {History} */
    const page = answer.told;
    if (!older) {
      // A line that was posted while this was on its way stays.
      for (const id of messages.keys()) if (id <= page.seq || epoch != page.epoch) messages.delete(id);
      ({ seq, epoch, state } = page);
      agentsSeen = page.agent_seen;
      reported = stored().read || 0;
      loaded = true;
    }
    more = page.more;
    for (const message of page.messages) messages.set(message.id, message);
    listener.changed(true);
    return answer;
  }

  // What is on its way to the shop.

  const waiting = () => stored().outbox.find((it) => !it.error);

  /** Sends what waits, in order, and from one tab at a time. */
  async function deliver() {
    clearTimeout(postman);
    if (posting) return;
    posting = true;
    const failed = await (navigator.locks ? navigator.locks.request(key, deliverAll) : deliverAll());
    posting = false;
    if (failed) postman = setTimeout(deliver, Math.max(failed.seconds * 1000, pause(++failures)));
    else {
      failures = 0;
      // Written while the lock was handed back.
      if (waiting()) deliver();
    }
    listener.trouble(failed ? failed.told.detail || '' : navigator.onLine ? undefined : '');
  }

  /** One step at a time; returns the answer that made it stop, if one did. */
  async function deliverAll() {
    for (let entry; (entry = waiting()); ) {
      learn();
      const { cid, body, page, title } = entry;
      const kind = /Mobi/.test(navigator.userAgent) ? 'mobile_site' : 'site';
      const answer = await (token
        ? ask('/messages', { cid, body, page, title, device: { kind }, lang })
        : ask('/visitors', { site: options.site, lang }));
      const { status, told } = answer;
      if (mayPass(answer)) return answer;
      if (told.message) accept(told);
      else if (answer.ok) keep((it) => Object.assign(it, { token: told.token, number: told.number }));
      // A token that opens nothing is forgotten by now; one that came a moment ago is not tried again at once.
      else if (status != 401) mark(cid, told.detail || ' ');
      else if (failures++) return answer;
    }
  }

  /** @param {Posted} posted */
  function accept({ message, conversation }) {
    const isNew = conversation != stored().conversation;
    keep((it) => (it.conversation = conversation));
    state = 'open';
    add(message);
    tabs?.postMessage({ message });
    emit('sent', message);
    if (isNew) emit('started', { conversation });
    wake();
  }

  /** @param {string} cid @param {string} [error] */
  function mark(cid, error) {
    change(({ outbox }) => {
      for (const entry of outbox) if (entry.cid == cid) entry.error = error;
    });
  }

  /** @param {string} cid */
  function discard(cid) {
    if (stored().outbox.some((it) => it.cid == cid))
      change((it) => (it.outbox = it.outbox.filter((entry) => entry.cid != cid)));
  }

  // What arrives.

  /** @param {Message} message */
  function add(message) {
    const isNew = !messages.has(message.id);
    messages.set(message.id, message);
    discard(message.cid);
    listener.changed();
    if (!isNew || message.from != 'agent') return;
    emit('message', message);
    listener.arrived(message);
  }

  /** @param {Item} item */
  function receive({ t, op, list, id, data, name, on, missed, ...item }) {
    if (t == 'welcome') attempts = 0;
    // What was missed follows, and moves the position itself.
    if (!missed) seq = Math.max(seq, item.seq || 0);
    if (t == 'reload') {
      loaded = false;
      lose();
    }
    if (list == 'log') {
      tabs?.postMessage({ message: data });
      add(data);
    }
    if (list == 'state') turn(data);
    if (list == 'seen') {
      if (id == 'agents') agentsSeen = +data;
      else noteRead(+data);
      listener.changed();
    }
    if (op == 'typing') listener.typing(name, on);
    if (op == 'agent') listener.answering(name);
  }

  /** @param {number} upto */
  function noteRead(upto) {
    if (upto > (stored().read || 0)) change((it) => (it.read = upto));
  }

  /** @param {History['state']} next */
  function turn(next) {
    if (state == 'open' && next == 'resolved') emit('ended', { conversation: stored().conversation });
    state = next;
    listener.changed();
  }

  // The socket: there once a conversation is, and only while somebody may look.

  async function wake() {
    clearTimeout(waker);
    if (socket || waking || resting || stopped || !token) return;
    waking = true;
    const answer = loaded ? undefined : await loadHistory();
    waking = false;
    if (answer && mayPass(answer)) waker = setTimeout(wake, pause(attempts++));
    else if (state == 'open' || (watching && state == 'resolved')) connect();
  }

  function connect() {
    if (resting) return;
    const opened = (socket = new WebSocket(api.replace('http', 'ws') + '/live'));
    heard = Date.now();
    opened.onopen = () => say({ t: 'hello', token, seq, epoch });
    opened.onmessage = ({ data }) => {
      heard = Date.now();
      if (socket == opened) [JSON.parse(data)].flat().forEach(receive);
    };
    opened.onclose = ({ code }) => {
      if (socket != opened) return;
      if (code == 4002) loaded = false;
      lose();
      stopped = code == 4001 || code == 4003;
      // A token that opens nothing is forgotten when a request finds out.
      if (stopped) loadHistory();
    };
    heartbeat = setInterval(() => {
      const silence = Date.now() - heard;
      if (silence > DEAD) lose();
      else if (silence > QUIET) say({ t: 'ping' });
    }, 5_000);
  }

  function disconnect() {
    clearInterval(heartbeat);
    clearTimeout(waker);
    const closing = socket;
    socket = undefined;
    closing?.close();
  }

  /** Gone, and wanted again. Where sockets never get through, the history still does. */
  function lose() {
    disconnect();
    if (attempts > 2) loaded = false;
    waker = setTimeout(wake, pause(attempts++));
  }

  /** @param {object} signal */
  function say(signal) {
    if (socket?.readyState == 1) socket.send(JSON.stringify(signal));
  }

  function rest() {
    resting = true;
    disconnect();
  }

  /** Whatever brought us back, the old connection is not to be trusted. */
  function refresh() {
    resting = false;
    attempts = 0;
    tabs?.close();
    tabs = new BroadcastChannel(key);
    tabs.onmessage = hearTab;
    disconnect();
    hearTab({ data: {} });
    deliver();
  }

  /** The life of the page. @param {{ type: string }} event */
  function notice({ type }) {
    clearTimeout(hiding);
    if (type == 'pagehide') {
      rest();
      tabs?.close();
    } else if (document.hidden) hiding = setTimeout(rest, HIDDEN);
    else if (resting || type != 'visibilitychange') refresh();
    else listener.changed();
  }

  for (const type of ['pagehide', 'pageshow', 'visibilitychange', 'online', 'offline'])
    addEventListener(type, notice, { signal: ending.signal });

  return {
    /** What the log shows: what the server has, and then what it does not have yet. */
    lines() {
      const posted = [...messages.values()].sort((a, b) => a.id - b.id);
      const known = new Set(posted.map((it) => it.cid));
      const unsent = stored().outbox.filter((it) => !known.has(it.cid));
      return [
        ...posted.map((it) => ({ ...it, state: it.from != 'visitor' ? '' : it.id > agentsSeen ? 'sent' : 'seen' })),
        ...unsent.map((it) => ({ ...it, from: 'visitor', name: null, state: it.error ? 'failed' : 'waiting' })),
      ];
    },
    stored,
    keep,
    change,
    discard,
    get state() {
      return state;
    },
    get more() {
      return more;
    },
    /** Agents' lines that nobody here has looked at. */
    get unread() {
      const { read = 0 } = stored();
      return [...messages.values()].filter((it) => it.from == 'agent' && it.id > read).length;
    },
    begin: () => notice({ type: '' }),
    send(body) {
      if (stored().outbox.length >= OUTBOX) return false;
      const cid = crypto.getRandomValues(new Uint32Array(4)).join('-');
      const at = new Date().toISOString();
      change((it) => {
        it.outbox.push({ cid, body, at, page: location.href, title: document.title });
        it.draft = undefined;
      });
      deliver();
      return true;
    },
    retry(cid) {
      mark(cid);
      deliver();
    },
    watch(now) {
      watching = now;
      wake();
    },
    /** Everything there is has been looked at. */
    see() {
      const others = [...messages.values()].filter((it) => it.from != 'visitor');
      const upto = Math.max(0, ...others.map((it) => it.id));
      if (upto <= reported) return;
      reported = upto;
      noteRead(upto);
      ask('/seen', { upto }).then(({ ok }) => ok || (reported = 0));
    },
    typing(text) {
      clearTimeout(typist);
      const due = typed + TYPING - Date.now();
      if (text && due > 0) typist = setTimeout(() => this.typing(text), due);
      else {
        typed = Date.now();
        say({ t: 'typing', on: !!text, text: preview ? [...text].slice(0, PREVIEW).join('') : null });
      }
    },
    loadOlder: () => loadHistory(true),
    async end() {
      const answer = await ask('/end', {});
      if (answer.ok) turn('resolved');
      return answer;
    },
    transcript: (email) => ask('/transcript', { email }),
    reset() {
      forget();
      memory = { outbox: [] };
      if (storable) localStorage.removeItem(key);
      learn();
      tabs?.postMessage({});
      listener.changed();
    },
    leave() {
      ending.abort();
      for (const timer of [hiding, postman, typist]) clearTimeout(timer);
      rest();
      tabs?.close();
    },
  };
}
