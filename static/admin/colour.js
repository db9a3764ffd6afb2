// Shows a colour on a button while it is being chosen, with the text that reads
// best on it. The server decides by the same sum (WCAG 2.2, 1.4.3).

import { find } from './dom.js';

/** @param {string} colour `#rrggbb` */
function luminance(colour) {
  const channels = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16) / 255);
  const [r, g, b] = channels.map((it) =>
    it <= 0.04045 ? it / 12.92 : ((it + 0.055) / 1.055) ** 2.4,
  );
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/**
 * @param {string} a
 * @param {string} b
 */
function contrast(a, b) {
  const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (light + 0.05) / (dark + 0.05);
}

const field = find('#color');
const sample = find('[data-colour]');

if (field instanceof HTMLInputElement && sample) {
  field.addEventListener('input', () => {
    const colour = field.value;
    const [black, white] = [contrast(colour, '#000000'), contrast(colour, '#ffffff')];
    find('[data-fill]', sample)?.setAttribute('fill', colour);
    find('[data-ink]', sample)?.setAttribute('fill', white < black ? '#000000' : '#ffffff');
    const words = find('[data-words]', sample);
    const ratio = Math.max(black, white).toFixed(1);
    const said = (sample.dataset.colour ?? '').replace('{contrast}', ratio);
    const faint = white < 3 ? ` ${sample.dataset.faint}` : '';
    if (words) words.textContent = said + faint;
  });
}
