// From values to places on a chart, and round numbers to write beside it.

/** Return a function from `[low, high]` to `[start, end]`; where all values are one, to the middle. */
export function linear([low, high], [start, end]) {
  if (high === low) return () => (start + end) / 2;
  return (value) => start + ((value - low) / (high - low)) * (end - start);
}

/** Return about `wanted` round numbers within `[low, high]`. */
export function ticks([low, high], wanted = 5) {
  if (!(high > low)) return [low];
  const step = roundStep((high - low) / wanted);
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, index) => (first + index) * step);
}

function roundStep(step) {
  const power = 10 ** Math.floor(Math.log10(step));
  return [1, 2, 5, 10].find((digit) => digit * power >= step * 0.999) * power;
}

/** Return the decimals that tell the ticks apart. */
export function decimals(values) {
  const step = values.length > 1 ? Math.abs(values[1] - values[0]) : Math.abs(values[0]) || 1;
  return Math.max(0, Math.min(8, Math.ceil(-Math.log10(step) - 1e-9)));
}

/** Return `[lowest, highest]` with some room at both ends. */
export function extent(values, room = 0.05) {
  const low = values.reduce((least, value) => Math.min(least, value), Infinity);
  const high = values.reduce((most, value) => Math.max(most, value), -Infinity);
  const margin = (high - low || Math.abs(high) || 1) * room;
  return [low - margin, high + margin];
}
