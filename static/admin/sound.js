// The bell on the counter, made of two tones. Browsers let a page ring only once
// somebody has touched it, or a page of the same house before it: whether it may
// is asked of the browser, never taken for granted, and whoever says that the bell
// is on asks here.

import { recall, remember } from './dom.js';

/** @typedef {'on' | 'off' | 'blocked'} Bell */

/** How long a browser takes to say whether a page may ring. */
const GRACE = 1000;

/** @type {AudioContext | null} */
let audio = null;
/** The browser has had its time to answer. */
let settled = false;
/** @type {(() => void)[]} */
const watchers = [];

/** Silent where it is switched off, so that no page takes a sound device for nothing. */
function open() {
  if (audio || !isOn()) return;
  try {
    audio = new AudioContext();
  } catch {
    // No sound on this machine: it stays blocked, and says so.
    settled = true;
    return;
  }
  audio.addEventListener('statechange', tell);
  setTimeout(() => {
    settled = true;
    tell();
  }, GRACE);
}

const tell = () => watchers.forEach((it) => it());

/** Where it is blocked, the first touch frees it. */
function free() {
  open();
  if (audio && audio.state !== 'running') void audio.resume().catch(() => {});
}

addEventListener('pointerdown', free, { passive: true });
addEventListener('keydown', free);

export function isOn() {
  return recall('sound') !== 'off';
}

/** What would happen if it rang now. @returns {Bell} */
export function bell() {
  if (!isOn()) return 'off';
  return audio?.state === 'running' || !settled ? 'on' : 'blocked';
}

/** @param {() => void} watcher  called when `bell` may say something else */
export function onBell(watcher) {
  watchers.push(watcher);
}

/** It was switched on or off, here or in another window. */
export function changed() {
  open();
  tell();
}

/** Rings as soon as the browser lets it: somebody has just touched it. */
export async function strikeUp() {
  free();
  await audio?.resume().catch(() => {});
  ring();
}

/** Rings once, in one window only, however many are open.
 * @param {number} [seq] what it rings for
 */
export function ring(seq) {
  if (audio?.state !== 'running' || !isOn()) return;
  if (seq !== undefined) {
    // Positions of another epoch, before a restore, say nothing.
    const epoch = document.body.dataset.epoch ?? '';
    const [of, last] = (recall('rang') ?? '').split(' ');
    if (of === epoch && seq <= Number(last)) return;
    remember('rang', `${epoch} ${seq}`);
  }
  strike(audio, 1318.5, 0, 0.16);
  strike(audio, 1760, 0.09, 0.12);
}

/**
 * @param {AudioContext} audio
 * @param {number} pitch
 * @param {number} delay
 * @param {number} loudness
 */
function strike(audio, pitch, delay, loudness) {
  const at = audio.currentTime + delay;
  const tone = new OscillatorNode(audio, { frequency: pitch });
  const volume = new GainNode(audio, { gain: 0 });
  volume.gain.setValueAtTime(0, at);
  volume.gain.linearRampToValueAtTime(loudness, at + 0.005);
  volume.gain.exponentialRampToValueAtTime(0.0001, at + 0.9);
  tone.connect(volume).connect(audio.destination);
  tone.start(at);
  tone.stop(at + 1);
}

open();
