// The part of the page that shows a conversation. What belongs to it is put up with
// it, and taken down with it when another takes its place.

import { find } from './dom.js';

/** `signal` ends whatever listens on its behalf.
 * @typedef {{ root: HTMLElement, view: string, signal: AbortSignal }} Part */
/** @typedef {(part: Part) => void} Mount */

/** @type {Mount[]} */
const mounts = [];
let end = new AbortController();

/** @returns {Part} */
function part() {
  const root = find('.middle') ?? document.body;
  return { root, view: document.body.dataset.view ?? '', signal: end.signal };
}

let shown = part();

/** @param {Mount} mount  called now, and for whatever takes its place */
export function mounted(mount) {
  mounts.push(mount);
  if (!end.signal.aborted) mount(shown);
}

export const takeDown = () => end.abort();

export function putUp() {
  end = new AbortController();
  shown = part();
  for (const mount of mounts) mount(shown);
}
