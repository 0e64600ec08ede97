// Labels that never overlap: the first that comes has its place, whoever finds none is left out.
// A coarse grid remembers what is taken, so that a label costs a few cells however many there are.

const CELL = 6; // pixels
const HEIGHT = 18; // of a label
const OFFSET = 7; // from the point to the label
const ROOM = 3; // pixels kept free left and right of a label

/**
 * Place labels beside their points.
 *
 * @param {object} options
 * @param {number} options.width of the picture, in pixels
 * @param {number} options.height
 * @param {Iterable<{x: number, y: number, width: number, text: string}>} options.candidates the most important
 *   first, each with its point and the width of its text; read only as far as there is room
 * @param {number} options.most labels at most
 * @param {{x: number, y: number}[]} [options.dots] points that no label may hide
 * @returns {object[]} the candidates that have a place, with `left`, `top` and `height` of their box
 */
export function placeLabels({ width, height, candidates, most, dots = [] }) {
  const columns = Math.ceil(width / CELL);
  const rows = Math.ceil(height / CELL);
  const taken = new Uint8Array(columns * rows);
  for (const dot of dots) take(box(dot.x - CELL / 2, dot.y - CELL / 2, CELL, CELL), taken, columns, rows);
  const placed = [];
  for (const candidate of candidates) {
    if (placed.length >= most) break;
    const found = firstFree(candidate, width, height, taken, columns);
    if (found) {
      take(found.cells, taken, columns, rows);
      placed.push({ ...candidate, left: found.left, top: found.top, height: HEIGHT });
    }
  }
  return placed;
}

/** Try right, left, above and below the point. */
function firstFree({ x, y, width: wide }, width, height, taken, columns) {
  const places = [
    [x + OFFSET, y - HEIGHT / 2],
    [x - OFFSET - wide, y - HEIGHT / 2],
    [x - wide / 2, y - OFFSET - HEIGHT],
    [x - wide / 2, y + OFFSET],
  ];
  for (const [left, top] of places) {
    if (left < ROOM || top < 0 || left + wide + ROOM > width || top + HEIGHT > height) continue;
    const cells = box(left - ROOM, top, wide + 2 * ROOM, HEIGHT);
    if (isFree(cells, taken, columns)) return { left, top, cells };
  }
  return null;
}

/** The cells that a rectangle touches, by however little; its right and lower edges are not part of it. */
function box(left, top, width, height) {
  return {
    left: Math.floor(left / CELL),
    right: Math.ceil((left + width) / CELL) - 1,
    top: Math.floor(top / CELL),
    bottom: Math.ceil((top + height) / CELL) - 1,
  };
}

function isFree(cells, taken, columns) {
  for (let row = cells.top; row <= cells.bottom; row++) {
    for (let column = cells.left; column <= cells.right; column++) {
      if (taken[row * columns + column]) return false;
    }
  }
  return true;
}

function take(cells, taken, columns, rows) {
  for (let row = Math.max(cells.top, 0); row <= Math.min(cells.bottom, rows - 1); row++) {
    const from = Math.max(cells.left, 0);
    const to = Math.min(cells.right, columns - 1) + 1;
    if (to > from) taken.fill(1, row * columns + from, row * columns + to);
  }
}
