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
 */

/**
 * Sends a form's fields; never throws.
 * @param {string} url
 * @param {Record<string, string>} fields
 * @returns {Promise<Reply>}
 */
export async function send(url, fields) {
  const csrf = find('meta[name="csrf"]')?.getAttribute('content') ?? '';
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { accept: 'application/json', 'x-csrf-token': csrf },
      body: new URLSearchParams(fields),
      keepalive: true,
      signal: AbortSignal.timeout(20_000),
    });
    const body = await response.json().catch(() => ({}));
    if (response.status === 401) location.reload();
    return { ok: response.ok, status: response.status, body };
  } catch {
    return { ok: false, status: 0, body: {} };
  }
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
