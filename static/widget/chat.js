// The conversation as this browser knows it: what is kept, what is on its way,
// what arrives, in this tab and in the others. It draws nothing.

import { alone, drop, names, put, read } from './keep.js';
import { mayPass, NOTHING, pause, request } from './requests.js';

/** @typedef {import('./types.d.ts').Answer} Answer */
/** @typedef {import('./types.d.ts').Chat} Chat */
/** @typedef {import('./types.d.ts').History} History */
/** @typedef {import('./types.d.ts').Item} Item */
/** @typedef {import('./types.d.ts').Line} Line */
/** @typedef {import('./types.d.ts').Live} Live */
/** @typedef {import('./types.d.ts').Message} Message */
/** @typedef {import('./types.d.ts').Posted} Posted */
/** @typedef {import('./types.d.ts').Shell} Shell */
/** @typedef {import('./types.d.ts').Site} Site */
/** @typedef {import('./types.d.ts').SiteConfig} SiteConfig */
/** @typedef {import('./types.d.ts').Stored} Stored */
/** @typedef {import('./types.d.ts').Unsent} Unsent */

/** As many unsent messages as are kept. */
const OUTBOX = 50;
/** Milliseconds: how long a hidden page stays connected. */
const HIDDEN = 60e3;
/** An agent who has not been heard for this long has stopped typing. */
const WRITING = 6e3;

/** So often a line may get no proper answer while something else does. */
const STUCK = 4;

let again = '';
/** A browser may remember that a module failed: then it is asked for by another name. @param {string} url @returns {Promise<any>} */
export const late = (url) => import(url + again).catch(() => import(url + (again = '?' + Date.now())));

/**
 * @param {Shell} shell
 * @param {SiteConfig} config
 * @param {(quietly?: boolean) => void} changed  `quietly`: old lines, of which nothing is to be read out
 * @param {(message: Message) => void} arrived
 * @param {Site} site
 * @returns {Chat}
 */
export function openChat({ home, options, emit, facts }, { lang }, changed, arrived, site) {
  const api = home + 'w/v1';
  const key = 'shopbell:' + options.site;
  const ending = new AbortController();
  /** @type {Map<number, Message>} */
  const messages = new Map();

  /** @type {string | undefined} */
  let token;
  /** @type {BroadcastChannel | undefined} */
  let tabs;

  /** A visitor who is forgotten gets no answer to what was asked before. */
  let life = 0;
  let loaded = false;
  let seq = 0;
  let epoch = '';
  /** The conversation that goes on; earlier ones are resolved, or opened again by an agent. @type {any} */
  let talk;
  /** How far agents have read in that. */
  let agentsSeen = 0;

  /** @type {Live | undefined} */
  let live;
  let watching = false;
  let waking = false;
  /** In the back-forward cache, hidden for long, or told to, a page keeps no socket. */
  let resting = true;
  let attempts = 0;
  let waker = 0;
  let hiding = 0;

  let posting = false;
  let due = 0;
  let stuck = 0;
  let failures = 0;
  let postman = 0;
  let writer = 0;

  // Who the visitor is.

  /** @returns {Stored} */
  const stored = () => read(key);

  /**
   * What the server has not confirmed, oldest first. Each message is stored by itself: two
   * tabs that write at the same moment cannot lose one another's.
   * @returns {Unsent[]}
   */
  const outbox = () =>
    names(key + ':')
      .map(read)
      .sort((a, b) => (a.at < b.at ? -1 : 1));

  function learn() {
    const kept = stored();
    const known = token;
    token = kept.token;
    facts.visitorId = kept.number || null;
    // Somebody else now, or nobody, whoever changed it.
    if (known && known != token) forget();
  }

  /** Other tabs write too, so a change starts from what is there now. @param {(it: Stored) => void} edit */
  function keep(edit) {
    const kept = stored();
    edit(kept);
    put(key, kept);
    learn();
  }

  /** A change that is to be seen; other tabs hear of it from the browser. @param {(it: Stored) => void} edit */
  function change(edit) {
    keep(edit);
    changed();
  }

  function forget() {
    life++;
    messages.clear();
    chat.state = 'none';
    chat.more = talk = null;
    loaded = resting = false;
    seq = agentsSeen = 0;
    disconnect();
  }

  /** What another tab has stored, or forgotten. */
  function follow() {
    const known = token;
    learn();
    if (known != token) wake();
    changed();
  }

  // Requests.

  /** @param {string} path @param {object} [body] @returns {Promise<Answer>} */
  async function ask(path, body) {
    const used = token;
    const asked = life;
    const answer = await request(api + path, lang, used, body);
    if (asked != life) return NOTHING;
    if (answer.status == 401 && answer.told && token == used) {
      forget();
      change((it) => (it.token = it.number = it.read = undefined));
    }
    return answer;
  }

  /** @param {boolean} [older] */
  async function loadHistory(older) {
    const answer = await ask('/history' + (older ? '?' + chat.more : ''));
    if (!answer.ok) return answer;
    /** @type {History} */
    const page = answer.told;
    // Numbers given out before a restore are given out again: what the copy knows of them counts.
    keep((it) => {
      if (it.epoch && it.epoch != page.epoch) it.read = page.visitor_seen;
      it.epoch = page.epoch;
    });
    // What came while nothing got through is news all the same.
    const before = !older && epoch == page.epoch && seq;
    if (!older) {
      // A line that was posted while this was on its way stays.
      for (const id of messages.keys()) if (id <= page.seq || (epoch && epoch != page.epoch)) messages.delete(id);
      ({ seq, epoch, state: chat.state, conversation: talk, agent_seen: agentsSeen } = page);
      for (const it of messages.values()) enter(it.conversation);
      loaded = true;
    }
    chat.more = page.older;
    for (const message of page.messages) {
      if (before && message.id > before) add(message);
      messages.set(message.id, message);
      discard(message.cid);
    }
    changed(!before);
    return answer;
  }

  // What is on its way to the shop.

  const waiting = () => outbox().find((it) => !it.error);

  /** Sends what waits, in order, and from one tab at a time. */
  async function deliver() {
    clearTimeout(postman);
    if (posting) return;
    if (Date.now() < due) {
      postman = setTimeout(deliver, due - Date.now());
      return;
    }
    posting = true;
    const delivery = !alone && navigator.locks ? navigator.locks.request(key, deliverAll) : deliverAll();
    // No lock for a page that is being left: what waits is sent by the next one.
    const failed = await delivery.catch(() => NOTHING);
    posting = false;
    if (failed) {
      const wait = failed.seconds * 1e3;
      due = Date.now() + wait;
      postman = setTimeout(deliver, wait || pause(++failures));
    } else {
      failures = 0;
      // Written while the lock was handed back.
      if (waiting()) deliver();
    }
    chat.trouble = failed ? failed.told?.detail || '' : navigator.onLine ? undefined : '';
    changed();
  }

  /** One step at a time; returns the answer that made it stop, if one did. */
  async function deliverAll() {
    for (let entry; (entry = waiting()); ) {
      learn();
      const { at, error, ...line } = entry;
      const kind = /Mobi/.test(navigator.userAgent) ? 'mobile_site' : 'site';
      const answer = await (token
        ? ask('/messages', { ...line, device: { kind }, lang })
        : ask('/visitors', { site: options.site, lang }));
      const { status, told } = answer;
      const later = mayPass(answer);
      // A gateway refuses without a word that a page may read, and the server itself may stumble
      // over a line. One that cannot go must not hold the others; who asks for time gets it.
      const isStuck = later && ![408, 425, 429, 503].includes(status) && (await isThere()) && ++stuck >= STUCK;
      if (later && !isStuck) return answer;
      stuck = 0;
      if (told?.message) accept(told);
      else if (answer.ok) keep((it) => Object.assign(it, { token: told.token, number: told.number }));
      // A token that opens nothing is forgotten by now; one that came a moment ago is not tried again at once.
      else if (status != 401) hold({ ...entry, error: told?.detail || ' ' });
      else if (failures++) return answer;
    }
  }

  /** Whether the shop answers to something else at this moment. */
  const isThere = () =>
    fetch(`${api}/sites/${options.site}`, { cache: 'no-store', signal: AbortSignal.timeout(20e3) }).then(
      (it) => it.ok,
      () => false,
    );

  /** @param {Posted} posted */
  function accept({ message, started }) {
    add(message);
    tabs?.postMessage(message);
    emit('sent', message);
    if (started) emit('started', message);
    wake();
  }

  /** @param {Unsent} entry */
  function hold(entry) {
    put(key + ':' + entry.cid, entry);
    changed();
    deliver();
  }

  /** @param {string} cid */
  function discard(cid) {
    if (drop(key + ':' + cid)) changed();
  }

  // What arrives.

  const inOrder = () => [...messages.values()].sort((a, b) => a.since - b.since || a.id - b.id);

  /** @param {Message} message */
  function add(message) {
    const isNew = !messages.has(message.id);
    messages.set(message.id, message);
    discard(message.cid);
    // A line of the visitor begins a conversation, or opens it again.
    if (message.from == 'visitor') enter(message.conversation);
    changed();
    if (!isNew || message.from != 'agent') return;
    emit('message', message);
    arrived(message);
  }

  /** One goes on. A socket tells of typing in the one that did when it was opened. @param {string} conversation */
  function enter(conversation) {
    if (chat.state == 'open') return;
    chat.state = 'open';
    if (talk == conversation) return;
    talk = conversation;
    if (!live) return;
    disconnect();
    wake();
  }

  /** @param {Item} item */
  function receive({ t, op, list, id, key, data, name, on, missed, ...item }) {
    if (t == 'welcome') attempts = 0;
    // What was missed follows, and moves the position itself.
    if (!missed) seq = Math.max(seq, item.seq || 0);
    if (t == 'reload') {
      loaded = false;
      lose();
    }
    if (list == 'log') {
      tabs?.postMessage(data);
      add(data);
    }
    if (list == 'state') {
      if (data == 'open') enter(key);
      else if (key == talk) turn(data);
    }
    if (list == 'seen') {
      if (id == 'visitor') noteRead(+data);
      else if (key == talk) agentsSeen = +data;
    }
    if (op == 'typing') {
      chat.writing = on && name;
      clearTimeout(writer);
      writer = setTimeout(receive, WRITING, { op, on: false });
    }
    changed();
  }

  /** @param {number} upto */
  function noteRead(upto) {
    if (upto > (stored().read || 0)) change((it) => (it.read = upto));
  }

  /** @param {History['state']} next */
  function turn(next) {
    if (chat.state == 'open' && next == 'resolved') emit('ended', { conversation: talk });
    chat.state = next;
    changed();
  }

  // The socket: there once a conversation is, and only while somebody may look.

  async function wake() {
    clearTimeout(waker);
    if (live || waking || resting || !token) return;
    waking = true;
    const answer = loaded ? undefined : await loadHistory();
    try {
      if (answer && mayPass(answer)) throw answer;
      if (chat.state == 'open' || (watching && chat.state == 'resolved')) {
        const { openLive } = await late('./live.js');
        if (!resting && token) live = openLive(api.replace('http', 'ws') + '/live', { t: 'hello', token, seq, epoch }, receive, close, messages, site);
      }
    } catch {
      lose(answer?.seconds);
    }
    waking = false;
  }

  /** @param {number} code */
  function close(code) {
    if (code == 4002) loaded = false;
    if (code != 4001 && code != 4003) return lose();
    rest();
    // A token that opens nothing is forgotten when a request finds out.
    loadHistory();
  }

  function disconnect() {
    clearTimeout(waker);
    live?.close();
    live = undefined;
  }

  /** Gone, and wanted again. Where sockets never get through, the history still does. @param {number} [seconds] */
  function lose(seconds = 0) {
    disconnect();
    if (attempts > 2) loaded = false;
    waker = setTimeout(wake, seconds * 1e3 || pause(attempts++));
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
    if (!alone) {
      tabs = new BroadcastChannel(key);
      tabs.onmessage = ({ data }) => {
        add(data);
        wake();
      };
    }
    disconnect();
    follow();
    wake();
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
    else changed();
  }

  addEventListener('storage', ({ key: name }) => (name ?? key).startsWith(key) && follow(), { signal: ending.signal });
  for (const type of ['pagehide', 'pageshow', 'visibilitychange', 'online', 'offline'])
    addEventListener(type, notice, { signal: ending.signal });

  /** @type {Chat} */
  const chat = {
    state: 'none',
    more: null,
    stored,
    keep,
    change,
    discard,
    begin: () => notice({ type: '' }),
    loadOlder: () => loadHistory(true),
    lines() {
      // Each conversation by itself, in the order in which they began.
      return [
        // How far something was read that is over is of no use to anybody.
        ...inOrder().map((it) => ({ ...it, state: it.from != 'visitor' || it.conversation != talk ? '' : it.id > agentsSeen ? 'sent' : 'seen' })),
        ...outbox().map((it) => ({ ...it, from: 'visitor', name: null, state: it.error ? 'failed' : 'waiting' })),
      ];
    },
    unread(looking) {
      const { read: seen = 0 } = stored();
      const news = inOrder().filter((it) => it.from == 'agent' && it.id > seen);
      const newest = looking && news.pop();
      if (!newest) return news.length;
      noteRead(newest.id);
      ask('/seen', { conversation: newest.conversation, upto: newest.id });
      return 0;
    },
    send(body) {
      if (outbox().length >= OUTBOX) return false;
      const cid = crypto.getRandomValues(new Uint32Array(4)).join('-');
      const at = new Date().toISOString();
      keep((it) => (it.draft = undefined));
      const conversation = chat.state == 'open' ? talk : undefined;
      hold({ cid, conversation, body, at, page: location.href, title: document.title });
      return true;
    },
    retry(cid) {
      const entry = outbox().find((it) => it.cid == cid);
      if (entry) hold({ ...entry, error: undefined });
    },
    watch(now) {
      watching = now;
      wake();
    },
    typing: (text) => live?.type(text),
    async end() {
      const answer = await ask('/end', { conversation: talk });
      if (answer.ok) turn('resolved');
      return answer;
    },
    reset() {
      names(key).forEach(drop);
      follow();
    },
    leave() {
      life++;
      ending.abort();
      for (const timer of [hiding, postman, writer]) clearTimeout(timer);
      rest();
      tabs?.close();
    },
  };
  return chat;
}
