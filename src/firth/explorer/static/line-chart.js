// A curve with its axes: the loss, the learning rate, the speed of a run.

import { svg } from "./dom.js";
import { decimals, extent, linear, ticks } from "./scale.js";

const LEFT = 64, RIGHT = 18, TOP = 34, BOTTOM = 46;

/**
 * Return a chart as SVG.
 *
 * @param {{x: number, y: number}[]} points
 * @param {{title: string, xName: string, yName: string, width: number, height: number, fromZero?: boolean}} options
 */
export function lineChart(points, { title, xName, yName, width, height, fromZero = false }) {
  const known = points.filter((point) => Number.isFinite(point.x) && Number.isFinite(point.y));
  const ys = known.map((point) => point.y);
  const yRange = known.length ? extent(fromZero ? [0, ...ys] : ys, fromZero ? 0.02 : 0.06) : [0, 1];
  if (fromZero) yRange[0] = 0;
  const xRange = [0, known.reduce((most, point) => Math.max(most, point.x), 0) || 1];
  const x = linear(xRange, [LEFT, width - RIGHT]);
  const y = linear(yRange, [height - BOTTOM, TOP]);
  const path = known.map((point, index) => `${index ? "L" : "M"}${x(point.x).toFixed(1)} ${y(point.y).toFixed(1)}`).join("");
  const last = known.at(-1);
  return svg(
    "svg",
    { viewBox: `0 0 ${width} ${height}`, class: "chart", role: "img", "aria-label": spoken(title, yName, known) },
    svg("text", { x: 12, y: 20, class: "chart-title" }, `${title} (${yName})`),
    yAxis(yRange, y, width, height),
    xAxis(xRange, x, width, height, xName),
    path ? svg("path", { d: path, class: "chart-line" }) : null,
    last ? svg("circle", { cx: x(last.x), cy: y(last.y), r: 3.5, class: "chart-dot" }) : null,
  );
}

function yAxis(range, y, width, height) {
  const values = ticks(range, Math.max(2, Math.round(height / 70)));
  const write = values.at(-1) >= 10_000
    ? (value) => value === 0 ? "0" : `${(value / 1e6).toLocaleString("en", { maximumFractionDigits: 2 })} M`
    : (value) => value.toFixed(decimals(values));
  return values.map((value) => [
    svg("line", { x1: LEFT, x2: width - RIGHT, y1: y(value), y2: y(value), class: "chart-grid" }),
    svg("text", { x: LEFT - 8, y: y(value) + 4, class: "chart-name" }, write(value)),
  ]);
}

function xAxis(range, x, width, height, name) {
  const values = ticks(range, Math.max(2, Math.min(8, Math.round(width / 110))));
  const base = height - BOTTOM;
  return [
    svg("line", { x1: LEFT, x2: width - RIGHT, y1: base, y2: base, class: "chart-axis" }),
    values.map((value) => svg("text", { x: x(value), y: base + 18, class: "chart-tick" }, value.toFixed(decimals(values)))),
    svg("text", { x: (LEFT + width - RIGHT) / 2, y: height - 8, class: "chart-tick" }, name),
  ];
}

function spoken(title, unit, points) {
  if (!points.length) return `${title}: nothing reported`;
  const [first, last] = [points[0].y, points.at(-1).y].map((value) => value.toPrecision(4));
  return `${title} in ${unit}: from ${first} to ${last}, ${points.length} reports`;
}
