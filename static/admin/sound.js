// The bell on the counter, made of two tones.

import { recall, remember } from './dom.js';

/** @type {AudioContext | null} */
let audio = null;

/** Browsers allow sound only after the person has touched the page once. */
function unlock() {
  audio ??= new AudioContext();
  if (audio.state === 'suspended') void audio.resume();
}

addEventListener('pointerdown', unlock, { passive: true });
addEventListener('keydown', unlock);

export function isOn() {
  return recall('sound') !== 'off';
}

/** Rings once, in one window only, however many are open.
 * @param {number} [seq] what it rings for
 */
export function ring(seq) {
  if (!isOn() || audio?.state !== 'running') return;
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
