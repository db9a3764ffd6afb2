// How words are compared, as the server does it (`kernel::findable`, `web::Sought`).

/** Without case and accents. @param {string} text */
export function plain(text) {
  const upper = text.normalize('NFKC').toUpperCase().toLowerCase().replaceAll('i\u0307', 'i').replaceAll('ё', 'е');
  // й is a letter of its own; é is an e.
  const bare = upper.normalize('NFD').replace(/([a-zα-ω])\p{M}+/gu, '$1');
  return bare.normalize('NFC').trim().split(/\s+/).join(' ');
}

/** Whether all that was typed begins words of a name. @param {string} typed @param {string} name */
export function fits(typed, name) {
  const held = plain(name);
  const begins = (/** @type {string} */ word) => {
    const literal = word.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
    return new RegExp(`(^|[^\\p{L}\\p{N}])${literal}`, 'u').test(held);
  };
  return plain(typed).split(' ').filter(Boolean).every(begins);
}
