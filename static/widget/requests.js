// Requests to the shop, and whether the same one may succeed later.

/** @typedef {import('./types.d.ts').Answer} Answer */

/** Seconds: nobody is made to wait for longer than that. */
const LONGEST = 3600;

/** No answer came. @type {Answer} */
export const NOTHING = { ok: false, status: 0, told: undefined, seconds: 0 };

/** Full jitter, so that many who were cut off together do not come back together. @param {number} attempt */
export const pause = (attempt) => Math.random() * Math.min(30e3, 500 * 2 ** attempt);

/**
 * Whether the same request may succeed later. What speaks no JSON is not the shop but
 * something before it, while the shop is away; only that it refuses a line stands.
 * @param {Answer} answer
 */
export const mayPass = ({ status, told }) => [408, 425, 429].includes(status) || status >= 500 || (!told && ![403, 413].includes(status));

/** @param {string} url @param {string} lang @param {string} [token] @param {object} [body] @returns {Promise<Answer>} */
export async function request(url, lang, token, body) {
  const text = JSON.stringify(body);
  try {
    const response = await fetch(url, {
      method: body ? 'POST' : 'GET',
      headers: {
        'accept-language': lang,
        ...(body && { 'content-type': 'application/json' }),
        ...(token && { authorization: 'Bearer ' + token }),
      },
      body: text,
      // What is sent just before the page is left still arrives; browsers refuse
      // that to more than 64 KiB, and a character is three bytes at most.
      keepalive: !!body && text.length < 2e4,
      signal: AbortSignal.timeout(20e3),
    });
    const { status, headers } = response;
    const told = status == 204 ? {} : await response.json().catch(() => undefined);
    const after = headers.get('retry-after') || '';
    // Seconds, or a date (RFC 9110, 10.2.3).
    const seconds = Math.min(+after || (Date.parse(after) - Date.now()) / 1e3 || 0, LONGEST);
    return { ok: response.ok && !!told, status, told, seconds };
  } catch (cause) {
    return { ...NOTHING, status: /^Timeout/.test(`${cause}`) ? 408 : 0 };
  }
}
