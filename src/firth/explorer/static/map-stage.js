// The map as something to look at and to move: points, labels, camera. It knows neither addresses nor requests.

import { color, element, onceAFrame } from "./dom.js";
import { pngBlob } from "./export.js";
import { Camera } from "./map-camera.js";
import { isDark, pointColors } from "./map-colors.js";
import { startingFrom } from "./map-data.js";
import { gestures } from "./map-gestures.js";
import { glRenderer } from "./map-gl.js";
import { nearestPoint } from "./map-grid.js";
import { drawOverlay, labeller, overlaySvg } from "./map-overlay.js";
import { pixelRenderer } from "./map-pixels.js";

const REACH = 14; // pixels within which a point is meant
const MOVING = 900, FLYING = 450; // milliseconds
const FAINT = 0.35, FULL = 0.85; // opacity of the points beside a selected word, and without one

/**
 * @param {object} options
 * @param {boolean} options.canvasOnly do without WebGL2
 * @param {string} options.help id of the element that explains the keys
 * @param {(point: number) => void} options.onSelect a point was clicked
 * @param {() => void} options.onClear Escape was pressed, or a click met nothing
 * @param {() => void} options.onMove the camera has moved
 * @param {(point: number) => string[]} options.tell lines of the tooltip
 */
export function mapStage({ canvasOnly, help, onSelect, onClear, onMove, tell }) {
  let points = element("canvas", { class: "points", "aria-hidden": "true" });
  const over = element("canvas", { class: "over", "aria-hidden": "true" });
  const tooltip = element("div", { class: "tooltip", hidden: true });
  const node = element("div", { class: "stage", tabindex: "0", role: "application", "aria-label": "Map of the words", "aria-describedby": help },
    points, over, tooltip);
  const camera = new Camera();
  const place = labeller();
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  let data = null;
  let find = () => -1;
  let mode = "frequency";
  let marks = [];
  let labels = [];
  let palette = {};
  let share = 1; // of the way from the map before to this one
  let flight = 0; // number of the animation under way
  let renderer = (canvasOnly ? null : glRenderer(points, fallBack)) ?? pixelRenderer(points);
  let onceDrawn = null;
  node.dataset.renderer = renderer.name;

  /** The graphics card has given up: paint pixels instead, on a canvas that never had WebGL. */
  function fallBack() {
    const next = element("canvas", { class: "points", "aria-hidden": "true" });
    points.replaceWith(next);
    points = next;
    renderer = pixelRenderer(points);
    node.dataset.renderer = renderer.name;
    if (data) {
      renderer.setPoints(data, data);
      recolor();
    }
  }

  const ratio = () => Math.min(devicePixelRatio || 1, 2);
  const look = () => ({ share, ratio: ratio(), opacity: marks.length ? FAINT : FULL, size: Math.min(Math.max(2.2 * camera.zoom ** 0.3, 1.6), 7) });
  const render = () => {
    if (!data || !node.isConnected) return;
    renderer.draw(camera, look());
    labels = share < 1 ? [] : place(camera, data, marks);
    drawOverlay(over, camera, data, { marks: share < 1 ? [] : marks, labels, colors: palette, ratio: ratio() });
    onceDrawn?.();
    onceDrawn = null;
  };
  const draw = onceAFrame(render);

  function recolor() {
    palette = { page: color("page"), ink: color("ink"), warm: color("warm") };
    if (data) renderer.setColors(pointColors(mode, data, isDark()));
    draw();
  }

  /** Call `step` with 0 … 1 over some time; a later animation of any kind ends it. */
  function animate(milliseconds, step) {
    const mine = ++flight;
    if (still.matches || document.hidden) return step(1);
    const begun = performance.now();
    const next = (now) => {
      if (mine !== flight || !node.isConnected) return;
      const gone = Math.min(Math.max((now - begun) / milliseconds, 0), 1);
      step(gone * gone * (3 - 2 * gone));
      render();
      if (gone < 1) requestAnimationFrame(next);
    };
    requestAnimationFrame(next);
  }

  function moved() {
    flight++;
    share = 1;
    tooltip.hidden = true;
    draw();
    onMove();
  }

  const under = (x, y) => {
    if (!data) return -1;
    const at = camera.world(x, y);
    return find(at.x, at.y, REACH / camera.scale);
  };
  const choose = (point) => (point < 0 ? onClear() : onSelect(point));
  gestures(node, {
    pan: (dx, dy) => { camera.pan(dx, dy); moved(); },
    zoom: (factor, x, y) => { camera.zoomAt(factor, x, y); moved(); },
    fit: () => { camera.fit(); moved(); },
    click: (x, y) => { node.focus({ preventScroll: true }); choose(under(x, y)); },
    enter: () => choose(data ? find(camera.x, camera.y, Math.min(camera.width, camera.height) / 4 / camera.scale) : -1),
    escape: onClear,
    hover: (x, y) => showTooltip(under(x, y)),
    leave: () => showTooltip(-1),
  });

  function showTooltip(point) {
    tooltip.hidden = point < 0;
    node.classList.toggle("pointing", point >= 0);
    if (point < 0) return;
    const [word, ...rest] = tell(point);
    tooltip.replaceChildren(element("strong", {}, element("bdi", {}, word)), ...rest.map((line) => element("span", {}, line)));
    const x = Math.min(camera.screenX(data.x[point]) + 12, camera.width - tooltip.offsetWidth - 8);
    const y = camera.screenY(data.y[point]) + 14;
    const top = y + tooltip.offsetHeight + 8 > camera.height ? y - tooltip.offsetHeight - 28 : y;
    tooltip.style.transform = `translate(${Math.round(Math.max(x, 8))}px, ${Math.round(Math.max(top, 8))}px)`;
  }

  const observer = new ResizeObserver(() => {
    camera.resize(node.clientWidth, node.clientHeight);
    render(); // at once: a canvas of the old size would be stretched for a frame
  });
  observer.observe(node);
  addEventListener("firth:theme", recolor);

  return {
    node,
    camera,
    /** Show a map. `moving`: it is a better map of the same words, and the points move to their new places. */
    setData(next, { moving }) {
      const start = moving ? startingFrom(data, next) : next;
      data = next;
      camera.bounds = boundsOf(next);
      camera.resize(node.clientWidth, node.clientHeight);
      if (!moving) camera.fit();
      find = nearestPoint(next, camera.bounds);
      renderer.setPoints(start, next);
      marks = [];
      recolor();
      if (!moving) return;
      share = 0;
      animate(MOVING, (gone) => { share = gone; });
    },
    setMode(next) {
      if (next === mode) return;
      mode = next;
      recolor();
    },
    /** Mark points: the selected one, and those it is joined with. */
    setMarks(next) {
      marks = next;
      draw();
    },
    /** Look at `{x, y, scale}`, flying there. */
    lookAt(to) {
      const from = { x: camera.x, y: camera.y, scale: camera.scale };
      animate(FLYING, (gone) => {
        share = 1;
        camera.put(from.x + gone * (to.x - from.x), from.y + gone * (to.y - from.y), from.scale * (to.scale / from.scale) ** gone);
        if (gone === 1) onMove();
      });
      draw();
    },
    /** Return how many words are in sight, and the mean of their near neighbours. */
    inSight() {
      const from = camera.world(0, camera.height);
      const to = camera.world(camera.width, 0);
      let count = 0;
      let near = 0;
      for (let point = 0; point < data.size; point++) {
        if (data.x[point] < from.x || data.x[point] > to.x || data.y[point] < from.y || data.y[point] > to.y) continue;
        count++;
        near += data.near[point];
      }
      return { count, near: count ? near / count : 0 };
    },
    /** Call `work` after the next drawing of points. */
    whenDrawn(work) {
      onceDrawn = work;
      draw();
    },
    async png() {
      return pngBlob(picture({ background: true, overlay: true }));
    },
    svg(title) {
      return overlaySvg(camera, data, { marks, labels, title, image: picture({}).toDataURL("image/png") });
    },
    close() {
      flight++;
      observer.disconnect();
      removeEventListener("firth:theme", recolor);
    },
  };

  /** Return what is seen as one canvas. The points are drawn anew: WebGL forgets them after the frame. */
  function picture({ background, overlay }) {
    render();
    const copy = element("canvas", { width: points.width, height: points.height });
    const context = copy.getContext("2d");
    if (background) {
      context.fillStyle = palette.page;
      context.fillRect(0, 0, copy.width, copy.height);
    }
    context.drawImage(points, 0, 0);
    if (overlay) context.drawImage(over, 0, 0);
    return copy;
  }
}

function boundsOf({ size, x, y }) {
  const bounds = { left: Infinity, right: -Infinity, bottom: Infinity, top: -Infinity };
  for (let point = 0; point < size; point++) {
    if (x[point] < bounds.left) bounds.left = x[point];
    if (x[point] > bounds.right) bounds.right = x[point];
    if (y[point] < bounds.bottom) bounds.bottom = y[point];
    if (y[point] > bounds.top) bounds.top = y[point];
  }
  return size ? bounds : { left: -1, right: 1, bottom: -1, top: 1 };
}
