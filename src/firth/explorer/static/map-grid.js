// Which point is under the pointer: the points sorted into the cells of a grid, once for each map.

const POINTS_A_CELL = 8;

/** Return a function `(x, y, reach) → point`: the nearest within `reach` of a place of the map, or -1. */
export function nearestPoint({ size, x, y }, bounds) {
  const side = Math.max(1, Math.ceil(Math.sqrt(size / POINTS_A_CELL)));
  const wide = (bounds.right - bounds.left) / side || 1;
  const high = (bounds.top - bounds.bottom) / side || 1;
  const clamp = (cell) => Math.min(Math.max(cell, 0), side - 1);
  const column = (value) => clamp(Math.floor((value - bounds.left) / wide));
  const row = (value) => clamp(Math.floor((value - bounds.bottom) / high));

  const begins = new Uint32Array(side * side + 1);
  for (let point = 0; point < size; point++) begins[row(y[point]) * side + column(x[point]) + 1]++;
  for (let cell = 1; cell < begins.length; cell++) begins[cell] += begins[cell - 1];
  const next = begins.slice();
  const points = new Uint32Array(size);
  for (let point = 0; point < size; point++) points[next[row(y[point]) * side + column(x[point])]++] = point;

  return (atX, atY, reach) => {
    let best = -1;
    let nearest = reach * reach;
    for (let line = row(atY - reach); line <= row(atY + reach); line++) {
      const cells = line * side;
      for (let at = begins[cells + column(atX - reach)]; at < begins[cells + column(atX + reach) + 1]; at++) {
        const point = points[at];
        const distance = (x[point] - atX) ** 2 + (y[point] - atY) ** 2;
        if (distance < nearest) {
          nearest = distance;
          best = point;
        }
      }
    }
    return best;
  };
}
