// What lies over the points: the labels, the selected word and the lines to its true neighbours.

import { svg } from "./dom.js";
import { placeLabels } from "./labels.js";
import { shown } from "./words.js";

const PLAIN = "13px system-ui, sans-serif", STRONG = "600 14px system-ui, sans-serif";
const AREA_OF_A_LABEL = 6500; // square pixels: more would be a carpet
const LOOKED_AT = 30_000; // points in sight that may ask for a label: the rest are rare, and hidden by these
const LONGEST = 24;

/** Return what puts labels in their places: `(camera, data, marks) → labels`. Widths of words are remembered. */
export function labeller() {
  const context = document.createElement("canvas").getContext("2d");
  const widths = { [PLAIN]: new Map(), [STRONG]: new Map() };
  const measure = (text, font) => {
    const known = widths[font];
    if (!known.has(text)) {
      context.font = font;
      known.set(text, context.measureText(text).width);
    }
    return known.get(text);
  };
  const candidate = (point, camera, data, font) => {
    const text = shown(data.words[point], LONGEST);
    return { point, text, width: measure(text, font), font, x: camera.screenX(data.x[point]), y: camera.screenY(data.y[point]) };
  };

  /** The marked points first (the selected word and its neighbours), then by frequency. */
  function* candidates(camera, data, marks) {
    for (const point of marks) yield candidate(point, camera, data, STRONG);
    const marked = new Set(marks);
    let seen = 0;
    for (let point = 0; point < data.size && seen < LOOKED_AT; point++) {
      if (marked.has(point)) continue;
      const x = camera.screenX(data.x[point]);
      const y = camera.screenY(data.y[point]);
      if (x < 0 || y < 0 || x > camera.width || y > camera.height) continue;
      seen++;
      yield candidate(point, camera, data, PLAIN);
    }
  }

  return (camera, data, marks) => placeLabels({
    width: camera.width,
    height: camera.height,
    candidates: candidates(camera, data, marks),
    most: marks.length + Math.round((camera.width * camera.height) / AREA_OF_A_LABEL),
  });
}

/** Draw lines, rings and labels on a canvas. `colors`: of palette.css, by name. */
export function drawOverlay(canvas, camera, data, { marks, labels, colors, ratio }) {
  const width = Math.round(camera.width * ratio);
  const height = Math.round(camera.height * ratio);
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, camera.width, camera.height);
  drawMarks(context, camera, data, marks, colors);
  Object.assign(context, { textBaseline: "middle", lineJoin: "round", lineWidth: 3.5, strokeStyle: colors.page, fillStyle: colors.ink });
  for (const label of labels) {
    context.font = label.font;
    context.strokeText(label.text, label.left, label.top + label.height / 2);
    context.fillText(label.text, label.left, label.top + label.height / 2);
  }
}

function drawMarks(context, camera, data, [selected, ...neighbors], colors) {
  if (selected === undefined) return;
  const place = (point) => [camera.screenX(data.x[point]), camera.screenY(data.y[point])];
  context.strokeStyle = colors.warm;
  context.lineWidth = 1.5;
  context.beginPath();
  for (const point of neighbors) {
    context.moveTo(...place(selected));
    context.lineTo(...place(point));
  }
  context.stroke();
  context.fillStyle = colors.warm;
  for (const point of [...neighbors, selected]) {
    context.beginPath();
    context.arc(...place(point), point === selected ? 6 : 4, 0, 2 * Math.PI);
    context.fill();
    context.strokeStyle = colors.page;
    context.stroke();
  }
}

/** Return the same as SVG over a picture of the points (`image`: a data URL). */
export function overlaySvg(camera, data, { marks, labels, image, title }) {
  const [selected, ...neighbors] = marks;
  const place = (point) => ({ x: camera.screenX(data.x[point]), y: camera.screenY(data.y[point]) });
  const from = selected === undefined ? null : place(selected);
  const { width, height } = camera;
  return svg(
    "svg",
    { viewBox: `0 0 ${width} ${height}`, class: "chart", role: "img", "aria-label": title },
    svg("image", { href: image, width, height }),
    neighbors.map(place).map(({ x, y }) => svg("line", { x1: from.x, y1: from.y, x2: x, y2: y, class: "map-line" })),
    marks.map(place).map(({ x, y }, index) => svg("circle", { cx: x, cy: y, r: index ? 4 : 6, class: "map-mark" })),
    labels.map((label) => svg("text", { x: label.left, y: label.top + label.height / 2 + 4.5, class: label.font === STRONG ? "map-label chart-strong" : "map-label" }, label.text)),
  );
}
