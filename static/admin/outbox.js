// Messages on their way. Each is remembered in this browser until the server has
// it, and has an id by which the server knows it again, so that trying twice is
// harmless and nothing that was written is ever lost.

import { all, find, reason, recall, remember, send } from './dom.js';
import { apply, onState } from './live.js';
import { keeping, newest, toEnd, view } from './log.js';

/** @typedef {{ cid: string, body: string, note: boolean }} Outgoing */

const key = `outbox.${view}`;
const lines = find('#log ol');
/** Being sent at this moment. @type {Set<string>} */
const underway = new Set();

/** @returns {Outgoing[]} */
function load() {
  try {
    const stored = JSON.parse(recall(key) ?? '[]');
    return Array.isArray(stored) ? stored : [];
  } catch {
    return [];
  }
}

/** @param {Outgoing[]} all */
function save(all) {
  remember(key, all.length ? JSON.stringify(all) : null);
}

/** @param {string} cid */
function forget(cid) {
  save(load().filter((it) => it.cid !== cid));
}

/** @param {string} cid */
function lineOf(cid) {
  return all('[data-cid]', lines ?? document).find((it) => it.dataset.cid === cid);
}

/** @param {Outgoing} message */
function draw(message) {
  const template = find(message.note ? '#note-template' : '#message-template');
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
export function post(body, note) {
  const message = { cid: crypto.randomUUID(), body, note };
  save([...load(), message]);
  draw(message);
  toEnd();
  void attempt(message);
}

/** @param {Outgoing} message */
async function attempt(message) {
  if (underway.has(message.cid)) return;
  underway.add(message.cid);
  const line = lineOf(message.cid);
  if (line) {
    find('.message-failed', line)?.remove();
    if (line.dataset.tick) line.dataset.tick = 'sending';
  }
  /** @type {Record<string, string>} */
  const fields = { cid: message.cid, body: message.body, last_seen: String(newest()) };
  if (message.note) fields.note = '1';
  const reply = await send(`/inbox/${view}/messages`, fields);
  underway.delete(message.cid);
  if (!reply.ok) return fail(message, reply);
  forget(message.cid);
  // A look into the past ends with an answer.
  if (find('#log[data-deep]')) location.href = `/inbox/${view}`;
  else if (reply.body?.op) apply([reply.body]);
}

/**
 * @param {Outgoing} message
 * @param {import('./dom.js').Reply} reply
 */
function fail(message, reply) {
  const line = lineOf(message.cid);
  const template = find('#failed-template');
  if (!line || !(template instanceof HTMLTemplateElement)) return;
  if (line.dataset.tick) line.dataset.tick = 'failed';
  const told = /** @type {DocumentFragment} */ (template.content.cloneNode(true));
  const why = find('[data-why]', told);
  if (why) why.textContent += ` ${reason(reply)}`;
  const again = find('[data-again]', told);
  if (again && reply.status === 409) again.textContent = again.dataset.anyway ?? '';
  again?.addEventListener('click', () => void attempt(message));
  find('[data-edit]', told)?.addEventListener('click', () => {
    forget(message.cid);
    line.remove();
    line.ownerDocument.dispatchEvent(new CustomEvent('shopbell:edit', { detail: message }));
  });
  // What only the network held up goes out by itself; what was refused does not.
  line.dataset.later = String(reply.status === 0 || reply.status === 503);
  keeping(() => line.append(told));
}

function retry() {
  for (const message of load()) {
    if (lineOf(message.cid)?.dataset.later === 'true') void attempt(message);
  }
}

onState((connected) => {
  if (connected) retry();
});
addEventListener('online', retry);

// Left over from before: it may have arrived without our hearing of it.
for (const message of load()) {
  const arrived = lineOf(message.cid);
  if (arrived) forget(message.cid);
  else {
    draw(message);
    void attempt(message);
  }
}
