// Small words for the document and for forms sent without leaving the page.

/**
 * An address of ours. This script lies two folders below where the program stands
 * on its host, and so knows the path.
 * @param {string} path  `/inbox`
 */
export const at = (path) => new URL('../..' + path, import.meta.url).href;

/**
 * @template {Element} [T=HTMLElement]
 * @param {string} selector
 * @param {ParentNode} [within]
 * @returns {T | null}
 */
export function find(selector, within = document) {
  return within.querySelector(selector);
}

/**
 * @template {Element} [T=HTMLElement]
 * @param {string} selector
 * @param {ParentNode} [within]
 * @returns {T[]}
 */
export function all(selector, within = document) {
  return [...within.querySelectorAll(selector)].map((it) => /** @type {T} */ (it));
}

/** What an answer comes down to. Status 0: nothing came back at all.
 * @typedef {object} Reply
 * @property {boolean} ok
 * @property {number} status
 * @property {any} body
 * @property {boolean} [ours] said in JSON: by the shop, and by nothing that stands before it
 * @property {number} [seconds] how long to wait, where that was said
 */

/** Bytes: browsers refuse to keep more than 64 KiB alive beyond the page, all
 * requests together (Fetch, 4.6). */
const KEPT_ALIVE = 48 * 1024;

/**
 * Sends a form's fields; never throws. Status 408: an answer was waited for in vain.
 * @param {string} url
 * @param {Record<string, string>} fields
 * @returns {Promise<Reply>}
 */
export async function send(url, fields) {
  const reply = await sendOnce(url, fields);
  const isRefused = reply.status === 403 && reply.ours;
  return isRefused && (await isSignedInAnew()) ? sendOnce(url, fields) : reply;
}

/**
 * Whether the same agent has signed in again, as in another tab: then this page takes over
 * what proves that a form is his. Nothing is done in the name of somebody else.
 */
async function isSignedInAnew() {
  const meta = find('meta[name="csrf"]');
  try {
    const page = await (await fetch(at('/me'), { headers: { accept: 'text/html' } })).text();
    const [, agent] = page.match(/ data-agent="(\d+)"/) ?? [];
    const [, csrf] = page.match(/<meta name="csrf" content="([^"]+)"/) ?? [];
    if (!meta || !csrf || agent !== document.body.dataset.agent || csrf === meta.getAttribute('content')) return false;
    meta.setAttribute('content', csrf);
    return true;
  } catch {
    return false;
  }
}

/**
 * @param {string} url
 * @param {Record<string, string>} fields
 * @returns {Promise<Reply>}
 */
async function sendOnce(url, fields) {
  const csrf = find('meta[name="csrf"]')?.getAttribute('content') ?? '';
  const body = new URLSearchParams(fields);
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { accept: 'application/json', 'x-csrf-token': csrf },
      body,
      // What is sent just before the page is left still arrives. A character of
      // the encoded form is a byte.
      keepalive: body.toString().length < KEPT_ALIVE,
      signal: AbortSignal.timeout(20_000),
    });
    const { status } = response;
    const told = status === 204 ? {} : await response.json().catch(() => undefined);
    const ours = typeof told === 'object' && told !== null;
    if (status === 401 && ours) startAfresh();
    return { ok: response.ok, status, body: ours ? told : {}, ours, seconds: waitOf(response) };
  } catch (cause) {
    const late = cause instanceof DOMException && cause.name === 'TimeoutError';
    return { ok: false, status: late ? 408 : 0, body: {} };
  }
}

/** The page anew. Whoever signs out on it is on his way already, and is told so where he
 * arrives: a page that comes anew would overtake his. */
export function startAfresh() {
  if (!('leaving' in document.body.dataset)) location.reload();
}

/** Whether the shop answers to something else at this moment. */
export const isThere = () =>
  fetch(at('/healthz'), { cache: 'no-store', signal: AbortSignal.timeout(20_000) }).then(
    (it) => it.ok,
    () => false,
  );

/** Seconds, or a date (RFC 9110, 10.2.3); an hour at most.
 * @param {Response} response */
function waitOf({ headers }) {
  const after = headers.get('retry-after') ?? '';
  const seconds = Number(after) || (Date.parse(after) - Date.now()) / 1000 || 0;
  return Math.min(Math.max(seconds, 0), 3600);
}

/**
 * Why something did not work, for the person.
 * @param {Reply} reply
 */
export function reason(reply) {
  const detail = typeof reply.body?.detail === 'string' ? reply.body.detail : '';
  return detail || document.body.dataset.offlineSend || '';
}

/**
 * Remembers under a name, where the browser lets us.
 * @param {string} name
 * @param {string | null} value
 */
export function remember(name, value) {
  try {
    if (value === null) localStorage.removeItem(`shopbell.${name}`);
    else localStorage.setItem(`shopbell.${name}`, value);
  } catch {
    // Storage is full or forbidden; we live on without it.
  }
}

/** @param {string} name */
export function recall(name) {
  try {
    return localStorage.getItem(`shopbell.${name}`);
  } catch {
    return null;
  }
}
