// The points of a map as they come from the server, most frequent word first.

import { ask, askBytes } from "./api.js";

/**
 * Fetch one version of a map.
 *
 * @returns {Promise<object>} `{size, x, y, near, measured, rows, words, version, k, method}`: n positions (about
 *   -1 to 1), how many of each word's k true neighbours are near it here (once that is measured), model rows, words
 */
export async function fetchMap(state, model, signal) {
  const asked = { version: state.version, model };
  const [buffer, words] = await Promise.all([askBytes("map/points", asked, signal), ask("map/words", asked, signal)]);
  const n = words.length;
  if (buffer.byteLength !== 13 * n) {
    throw new Error(`the map has ${n} words, but ${buffer.byteLength} bytes of points instead of ${13 * n}: reload the page`);
  }
  return {
    size: n,
    x: new Float32Array(buffer, 0, n),
    y: new Float32Array(buffer, 4 * n, n),
    near: new Uint8Array(buffer, 8 * n, n),
    measured: state.median_near !== null,
    rows: new Uint32Array(buffer.slice(9 * n)), // a copy: four-byte numbers must begin at a multiple of four
    words,
    version: state.version,
    k: state.k,
    method: state.method,
  };
}

/** Return a function from a word to its point, or undefined. The table is made when it is first asked. */
export function finder(data) {
  let places = null;
  return (word) => {
    places ??= new Map(data.words.map((one, place) => [one, place]));
    return places.get(word);
  };
}

/** Return the place of each of `from`'s points among `to`'s; -1 where there is none. Null: all stayed in place. */
export function places(from, to) {
  const size = to.size;
  if (from.size === size && from.rows.every((row, place) => row === to.rows[place])) return null;
  const placeOfRow = new Map();
  from.rows.forEach((row, place) => placeOfRow.set(row, place));
  return Int32Array.from(to.rows, (row) => placeOfRow.get(row) ?? -1);
}

/** Return where the points of `to` stood on `from`, `{x, y}`: where the move to the new map begins. */
export function startingFrom(from, to) {
  const before = places(from, to);
  if (before === null) return { x: from.x, y: from.y };
  const x = Float32Array.from(to.x, (value, place) => (before[place] < 0 ? value : from.x[before[place]]));
  const y = Float32Array.from(to.y, (value, place) => (before[place] < 0 ? value : from.y[before[place]]));
  return { x, y };
}

/** Return how many points are nearer to point `from` on the map than point `to` is, plus one: its place. */
export function placeOnMap(data, from, to) {
  const distance = (data.x[to] - data.x[from]) ** 2 + (data.y[to] - data.y[from]) ** 2;
  let nearer = 0;
  for (let point = 0; point < data.size; point++) {
    const dx = data.x[point] - data.x[from];
    const dy = data.y[point] - data.y[from];
    if (dx * dx + dy * dy < distance && point !== from) nearer++;
  }
  return nearer + 1;
}
