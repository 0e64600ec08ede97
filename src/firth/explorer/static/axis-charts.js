// Words on one axis between two poles as a chart of dots, on two axes as a scatter.

import { svg } from "./dom.js";
import { placeLabels } from "./labels.js";
import { decimals, extent, linear, ticks } from "./scale.js";
import { decimal, shown } from "./words.js";

const ROW = 26, NAME = 150, SIDE = 24, HEAD = 92, FOOT = 34;
const LETTER = 7.2; // about the width of a letter at the chart's size: labels are placed before they are drawn

/** Return the name of an axis: "he … she". */
export function axisName(axis) {
  return `${poleName(axis.a)} … ${poleName(axis.b)}`;
}

function poleName(words) {
  return words.map((word) => shown(word, 20)).join(", ");
}

/** One axis. The pole `a` is at the left, where positions are negative: poor … rich reads as it is written. */
export function dotChart(axis, words, width, title) {
  const sorted = words.toSorted((one, other) => one.positions[0] - other.positions[0]);
  const range = around(sorted.map((word) => word.positions[0]));
  const x = linear(range, [NAME, width - SIDE]);
  const height = HEAD + sorted.length * ROW + FOOT;
  const marks = ticks(range, Math.max(3, Math.round(width / 140)));
  return svg(
    "svg",
    { viewBox: `0 0 ${width} ${height}`, class: "chart", role: "img", "aria-label": title },
    svg("text", { x: 12, y: 22, class: "chart-title" }, title),
    svg("text", { x: NAME, y: 52, class: "chart-value chart-strong" }, `← ${poleName(axis.a)}`),
    svg("text", { x: width - SIDE, y: 52, class: "chart-name chart-strong" }, `${poleName(axis.b)} →`),
    marks.map((value) => [
      svg("line", { x1: x(value), x2: x(value), y1: HEAD - 12, y2: height - FOOT, class: value === 0 ? "chart-axis" : "chart-grid" }),
      svg("text", { x: x(value), y: HEAD - 18, class: "chart-tick" }, decimal(value, decimals(marks))),
    ]),
    sorted.map((word, index) => {
      const middle = HEAD + index * ROW + ROW / 2;
      const place = x(word.positions[0]);
      return [
        svg("text", { x: NAME - 14, y: middle + 4, class: "chart-name" }, shown(word.word, 18)),
        svg("line", { x1: x(0), x2: place, y1: middle, y2: middle, class: "chart-stem" }),
        svg("circle", { cx: place, cy: middle, r: 5, class: "chart-dot" }, svg("title", {}, `${shown(word.word)}: ${decimal(word.positions[0], 3)}`)),
      ];
    }),
    svg("text", { x: (NAME + width - SIDE) / 2, y: height - 8, class: "chart-tick" }, "cosine with the axis"),
  );
}

/** Two axes: the first across, the second upwards. */
export function scatterChart(axes, words, width, title) {
  const height = Math.min(Math.max(width * 0.72, 380), 720);
  const frame = { left: 56, right: width - 20, top: 64, bottom: height - 62 };
  const [across, up] = [0, 1].map((axis) => around(words.map((word) => word.positions[axis])));
  const x = linear(across, [frame.left, frame.right]);
  const y = linear(up, [frame.bottom, frame.top]);
  const points = words.map((word) => ({ x: x(word.positions[0]), y: y(word.positions[1]), text: shown(word.word, 24) }));
  return svg(
    "svg",
    { viewBox: `0 0 ${width} ${height}`, class: "chart", role: "img", "aria-label": title },
    svg("text", { x: 12, y: 22, class: "chart-title" }, title),
    gridLines(across, up, x, y, frame),
    svg("text", { x: frame.left, y: height - 14, class: "chart-value chart-strong" }, `← ${poleName(axes[0].a)}`),
    svg("text", { x: frame.right, y: height - 14, class: "chart-name chart-strong" }, `${poleName(axes[0].b)} →`),
    svg("text", { x: frame.left, y: frame.top - 10, class: "chart-value chart-strong" }, `↑ ${poleName(axes[1].b)}`),
    svg("text", { x: frame.left + 6, y: frame.bottom - 8, class: "chart-value chart-strong" }, `↓ ${poleName(axes[1].a)}`),
    points.map((point) => svg("circle", { cx: point.x, cy: point.y, r: 5, class: "chart-dot" }, svg("title", {}, point.text))),
    labelled(points, width, height),
  );
}

function gridLines(across, up, x, y, { left, right, top, bottom }) {
  const lines = (range, draw) => {
    const values = ticks(range, 5);
    return values.map((value) => draw(value, decimal(value, decimals(values)), value === 0 ? "chart-axis" : "chart-grid"));
  };
  return [
    lines(across, (value, text, kind) => [
      svg("line", { x1: x(value), x2: x(value), y1: top, y2: bottom, class: kind }),
      svg("text", { x: x(value), y: bottom + 18, class: "chart-tick" }, text),
    ]),
    lines(up, (value, text, kind) => [
      svg("line", { x1: left, x2: right, y1: y(value), y2: y(value), class: kind }),
      svg("text", { x: left - 8, y: y(value) + 4, class: "chart-name" }, text),
    ]),
  ];
}

function labelled(points, width, height) {
  const labels = placeLabels({
    width,
    height,
    candidates: points.map((point) => ({ ...point, width: point.text.length * LETTER })),
    most: points.length,
    dots: points,
  });
  return labels.map((label) => svg("text", { x: label.left, y: label.top + label.height / 2 + 4, class: "chart-value" }, label.text));
}

/** A range around the values that has 0 in it: the side of the axis is what people read first. */
function around(values) {
  return extent([0, ...values], 0.08);
}
