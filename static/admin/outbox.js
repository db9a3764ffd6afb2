// Messages on their way. Each is remembered in this browser until the server has
// it, and has an id by which the server knows it again, so that trying twice is
// harmless and nothing that was written is ever lost.

import { all, at, find, isThere, reason, recall, remember, send } from './dom.js';
import { apply, onState } from './live.js';
import { isAtEnd, keeping, newest, showBelow, toEnd } from './log.js';
import { mounted } from './parts.js';
import { isUnread } from './seen.js';
import { toast } from './toast.js';

/** @typedef {{ status: number, why: string }} Refusal */
/** @typedef {{ cid: string, body: string, note: boolean, seen: number, refused?: Refusal }} Outgoing */

/** What a server, or a gateway before it, says while it is away or has too much to do. */
const PASSING = [0, 408, 425, 429, 500, 502, 503, 504];
/** So often a line may get no proper answer while something else does. */
const STUCK = 4;
/** What a gateway refuses for good, in a page of its own. */
const REFUSED = [403, 413];
/** The shop answers, and asks for time: that is nothing against the line. */
const WAIT = [408, 425, 429, 503];

/** Whether the same may succeed later, by itself. A page in place of an answer comes
 * from something that stands before the shop, while the shop itself is away.
 * @param {import('./dom.js').Reply} reply */
const mayPass = ({ status, ours }) => PASSING.includes(status) || (!ours && !REFUSED.includes(status));

/** Whoever was signed out says nothing against the line: it goes once he is back.
 * @param {{ status: number }} reply */
const isSignedOut = ({ status }) => status === 401;

/** Nor is it the line where somebody else was signed in, or somebody who may less.
 * @param {Outgoing} message */
const isHisToSend = ({ refused }) => refused?.status === 401 || refused?.status === 403;

/** Milliseconds: full jitter, so that many pages do not come back at once.
 * @param {number} attempt */
const pause = (attempt) => Math.random() * Math.min(30_000, 1_000 * 2 ** attempt);

/** What refused it was not the shop. @param {number} status 0 where it did not say */
function blocked(status) {
  const words = document.body.dataset.blockedSend ?? '';
  return status ? words.replace('{status}', String(status)) : words.replace(' ({status})', '');
}

/** Where the lines of a conversation stand, while it is on the screen.
 * @param {string} view */
const linesOf = (view) => (view === shown ? find('#log ol') : null);

/** The conversation on the screen. */
let shown = '';

/**
 * What is on its way to one conversation, whichever is on the screen.
 * @param {string} view
 */
function open(view) {
  // By agent: whoever signs in here next must not speak for him.
  const key = `outbox.${document.body.dataset.agent}.${view}`;
  let delivering = false;
  let failures = 0;
  let stuck = 0;
  let postman = 0;
  /** Not before this moment: the server asked for it. */
  let due = 0;

  /** @returns {Outgoing[]} */
  function load() {
    try {
      const stored = JSON.parse(recall(key) ?? '[]');
      return Array.isArray(stored) ? stored : [];
    } catch {
      return [];
    }
  }

  /** What this page still has to send; the browser's store may be full, or forbidden.
   * @type {Map<string, Outgoing>} */
  const waiting = new Map(load().map((it) => [it.cid, isHisToSend(it) ? { ...it, refused: undefined } : it]));

  /** @param {Outgoing[]} all */
  function save(all) {
    remember(key, all.length ? JSON.stringify(all) : null);
  }

  /** Another tab keeps messages in the same place, so only this one is touched.
   * @param {Outgoing} message */
  function keep(message) {
    const known = waiting.has(message.cid);
    waiting.set(message.cid, message);
    save(known ? load().map((it) => (it.cid === message.cid ? message : it)) : [...load(), message]);
  }

  /** @param {string} cid */
  function forget(cid) {
    waiting.delete(cid);
    save(load().filter((it) => it.cid !== cid));
  }

  /** @param {string} cid */
  function lineOf(cid) {
    const lines = linesOf(view);
    return lines ? all('[data-cid]', lines).find((it) => it.dataset.cid === cid) : undefined;
  }

  /** @param {Outgoing} message */
  function draw(message) {
    const template = find(message.note ? '#note-template' : '#message-template');
    const lines = linesOf(view);
    if (!(template instanceof HTMLTemplateElement) || !lines) return;
    const line = template.content.firstElementChild?.cloneNode(true);
    if (!(line instanceof HTMLElement)) return;
    line.id = `m-${message.cid}`;
    line.dataset.cid = message.cid;
    const body = find('.message-body', line);
    if (body) body.textContent = message.body;
    find('time', line)?.setAttribute('datetime', new Date().toISOString());
    keeping(() => lines.append(line));
  }

  /**
   * @param {string} body
   * @param {boolean} note
   */
  function post(body, note) {
    // Not `randomUUID`: a trial over plain http has none.
    const cid = crypto.getRandomValues(new Uint32Array(4)).join('-');
    const message = { cid, body, note, seen: newest() };
    keep(message);
    // What he has not read yet must not rush past him: it would count as seen.
    const rushes = isUnread() && !isAtEnd();
    draw(message);
    if (rushes) showBelow();
    else toEnd();
    void deliver();
  }

  /** Sends what waits, one after the other, so that the order stays what it was. */
  async function deliver() {
    clearTimeout(postman);
    if (delivering) return;
    if (Date.now() < due) {
      postman = setTimeout(deliver, due - Date.now());
      return;
    }
    delivering = true;
    let held;
    for (let next; (next = [...waiting.values()].find((it) => !it.refused)); ) {
      held = await attempt(next);
      if (held) break;
      failures = 0;
    }
    delivering = false;
    if (!held) return;
    const wait = (held.seconds ?? 0) * 1000;
    due = Date.now() + wait;
    postman = setTimeout(deliver, wait || pause(++failures));
  }

  /**
   * The answer, where nothing gets through at present.
   * @param {Outgoing} message
   */
  async function attempt(message) {
    const { cid, body, note, seen } = message;
    const line = lineOf(cid);
    if (line?.dataset.tick) line.dataset.tick = 'sending';
    /** @type {Record<string, string>} */
    const fields = { cid, body, last_seen: String(seen) };
    if (note) fields.note = '1';
    const reply = await send(at(`/inbox/${view}/messages`), fields);
    // One line that cannot go must not hold up the others.
    const later = isSignedOut(reply) || (!(reply.ok && reply.ours) && mayPass(reply));
    const mayBeTheLine = later && !isSignedOut(reply) && !WAIT.includes(reply.status);
    const isStuck = mayBeTheLine && (await isThere()) && ++stuck >= STUCK;
    if (!later || isStuck) stuck = 0;
    if (reply.ok && reply.ours) {
      forget(cid);
      // A look into the past ends with an answer.
      if (linesOf(view)?.closest('[data-deep]')) location.href = at(`/inbox/${view}`);
      else if (reply.body?.op) apply([reply.body]);
      return;
    }
    // What only the network held up goes out by itself; what was refused does not.
    if (later && !isStuck) {
      fail(message);
      return reply;
    }
    const why = reply.ours ? reason(reply) : blocked(reply.status);
    const refused = { status: reply.status, why };
    keep({ ...message, refused });
    fail(message, refused);
    // Where he is now he would not see it.
    if (!linesOf(view)) toast(why);
  }

  /**
   * @param {Outgoing} message
   * @param {Refusal} [refused] nothing where it goes out by itself
   */
  function fail(message, refused) {
    const { cid } = message;
    const line = lineOf(cid);
    const template = find('#failed-template');
    if (!line || !(template instanceof HTMLTemplateElement)) return;
    // It is there: only the answer was lost.
    if (line.dataset.id !== '0') return forget(cid);
    if (line.dataset.tick) line.dataset.tick = 'failed';
    const before = find('.message-failed', line);
    // Said once, however often it is tried.
    if (before && !refused) return;
    before?.remove();
    const told = /** @type {DocumentFragment} */ (template.content.cloneNode(true));
    const why = find('[data-why]', told);
    if (why) why.textContent = refused ? `${why.textContent} ${refused.why}` : (why.dataset.later ?? '');
    const again = find('[data-again]', told);
    if (again && refused?.status === 409) again.textContent = again.dataset.anyway ?? '';
    again?.addEventListener('click', () => {
      admit({ ...message, seen: newest() });
      due = 0;
      void deliver();
    });
    find('[data-edit]', told)?.addEventListener('click', () => {
      forget(cid);
      line.remove();
      line.ownerDocument.dispatchEvent(new CustomEvent('shopbell:edit', { detail: message }));
    });
    keeping(() => line.append(told));
  }

  /** To be sent once more. @param {Outgoing} message */
  function admit(message) {
    keep({ ...message, refused: undefined });
    const line = lineOf(message.cid);
    if (line) find('.message-failed', line)?.remove();
  }

  /** Whoever comes back to this page, or to the server, may be signed in as its author again. */
  function comeBack() {
    if (document.hidden) return;
    for (const message of waiting.values()) if (isHisToSend(message)) admit(message);
    void deliver();
  }

  /** Once its conversation is on the screen. What is left over may have arrived without
   * our hearing of it. */
  function show() {
    for (const message of [...waiting.values()]) {
      if (lineOf(message.cid)) {
        forget(message.cid);
        continue;
      }
      draw(message);
      if (message.refused) fail(message, message.refused);
    }
    void deliver();
  }

  const isEmpty = () => waiting.size === 0 && !delivering;
  return { post, deliver, comeBack, show, isEmpty };
}

/** By conversation: those on the screen or with something in them.
 * @type {Map<string, ReturnType<typeof open>>} */
const boxes = new Map();

/**
 * @param {string} body
 * @param {boolean} note
 */
export function post(body, note) {
  boxes.get(shown)?.post(body, note);
}

onState((connected) => {
  if (connected) for (const box of boxes.values()) box.comeBack();
});
addEventListener('online', () => {
  for (const box of boxes.values()) void box.deliver();
});
document.addEventListener('visibilitychange', () => {
  for (const box of boxes.values()) box.comeBack();
});

mounted(({ root, view }) => {
  for (const [key, box] of boxes) if (box.isEmpty()) boxes.delete(key);
  shown = find('#log', root) ? view : '';
  if (!shown) return;
  const box = boxes.get(view) ?? open(view);
  boxes.set(view, box);
  box.show();
});
