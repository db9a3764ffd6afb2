// Times in the reader's own zone and language.

import { all } from './dom.js';

const lang = document.documentElement.lang || 'en';
/** That of the device, where the reader has chosen none. */
const timeZone = zoneOf(document.body.dataset.timeZone);

/** @param {Intl.DateTimeFormatOptions} options */
const format = (options) => new Intl.DateTimeFormat(lang, { ...options, timeZone });

/** A zone that this browser does not know is as good as none.
 * @param {string} [name] */
function zoneOf(name) {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name || undefined }).resolvedOptions().timeZone;
  } catch {
    return undefined;
  }
}

/** A day of the calendar in that zone, as it would begin at Greenwich. */
const calendar = new Intl.DateTimeFormat('sv', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' });

const clock = format({ hour: 'numeric', minute: '2-digit' });
const weekday = format({ weekday: 'short' });
const day = format({ day: 'numeric', month: 'short' });
const year = format({ day: 'numeric', month: 'short', year: '2-digit' });
const full = format({ dateStyle: 'full', timeStyle: 'short' });

/** @param {Date} date */
function startOfDay(date) {
  return Date.parse(calendar.format(date));
}

/**
 * @param {Date} at
 * @param {boolean} short a list has room for one word only
 */
function words(at, short) {
  const now = new Date();
  const days = Math.round((startOfDay(now) - startOfDay(at)) / 86_400_000);
  if (days === 0) return clock.format(at);
  const sameYear = new Date(startOfDay(now)).getUTCFullYear() === new Date(startOfDay(at)).getUTCFullYear();
  const date = days > 0 && days < 7 ? weekday : sameYear ? day : year;
  return short ? date.format(at) : `${date.format(at)} ${clock.format(at)}`;
}

/** @param {ParentNode} root */
function show(root) {
  for (const time of all('time', root)) {
    const iso = time.getAttribute('datetime') ?? '';
    const at = new Date(iso);
    if (Number.isNaN(at.getTime()) || time.dataset.shown === iso) continue;
    time.textContent = words(at, time.closest('.row') !== null);
    time.title = full.format(at);
    time.dataset.shown = iso;
  }
}

show(document);

// New parts of the page are dressed before they are painted.
new MutationObserver((changes) => {
  const grown = new Set(changes.filter((it) => it.addedNodes.length).map((it) => it.target));
  for (const target of grown) if (target instanceof Element) show(target);
}).observe(document.body, { childList: true, subtree: true });

// At midnight "10:02" becomes yesterday's.
let today = startOfDay(new Date());
setInterval(() => {
  if (startOfDay(new Date()) === today) return;
  today = startOfDay(new Date());
  for (const time of all('time')) delete time.dataset.shown;
  show(document);
}, 60_000);
