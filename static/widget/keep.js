// What this browser keeps, for all tabs of the page's site.

/** @type {Record<string, string>} */
let store = {};
/** Pages that may keep nothing may not speak to other tabs either. */
export let alone = false;

try {
  store = localStorage;
} catch {
  // Some pages may keep nothing: then this one remembers for as long as it is there.
  alone = true;
}

/** @param {string} name @param {object} value */
export function put(name, value) {
  const text = JSON.stringify(value);
  try {
    store[name] = text;
  } catch {
    store = { ...store, [name]: text };
  }
}

/** What is not there, or not ours, counts as nothing. @param {string} name */
export function read(name) {
  try {
    return JSON.parse(store[name]);
  } catch {
    return {};
  }
}

/** @param {string} start */
export const names = (start) => Object.keys(store).filter((name) => name.startsWith(start));

/** Whether it was there. @param {string} name */
export const drop = (name) => !!store[name] && delete store[name];
