// Hands on the map: drag, wheel, pinch, tap, keys. What they mean is up to the caller.

const STILL = 5; // pixels that a click may move
const STEP = 60, FASTER = 1.35; // of an arrow key; of + and -

/**
 * @param {HTMLElement} stage
 * @param {object} act `pan(dx, dy)`, `zoom(factor, x, y)`, `click(x, y)`, `hover(x, y)`, `leave()`,
 *   `fit()`, `enter()`, `escape()`: pixels from the stage's corner
 */
export function gestures(stage, act) {
  const down = new Map();
  let moved = 0;
  const at = (event) => {
    const box = stage.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };

  stage.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    stage.setPointerCapture(event.pointerId);
    if (!down.size) moved = 0;
    down.set(event.pointerId, at(event));
  });
  stage.addEventListener("pointermove", (event) => {
    const now = at(event);
    const before = down.get(event.pointerId);
    if (!before) return act.hover(now.x, now.y);
    const dx = now.x - before.x;
    const dy = now.y - before.y;
    moved += Math.abs(dx) + Math.abs(dy);
    down.set(event.pointerId, now);
    if (moved < STILL) return;
    if (down.size === 2) {
      const other = [...down].find(([id]) => id !== event.pointerId)[1];
      const factor = Math.hypot(now.x - other.x, now.y - other.y) / (Math.hypot(before.x - other.x, before.y - other.y) || 1);
      act.zoom(factor, (now.x + other.x) / 2, (now.y + other.y) / 2);
      act.pan(dx / 2, dy / 2);
    } else {
      act.pan(dx, dy);
    }
  });
  const up = (event) => {
    const place = down.get(event.pointerId);
    down.delete(event.pointerId);
    if (place && moved < STILL && event.type === "pointerup") act.click(place.x, place.y);
  };
  stage.addEventListener("pointerup", up);
  stage.addEventListener("pointercancel", up);
  stage.addEventListener("pointerleave", () => act.leave());

  stage.addEventListener("wheel", (event) => {
    event.preventDefault();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 20 : 1;
    const place = at(event);
    act.zoom(Math.exp((-event.deltaY * lines) / 400), place.x, place.y);
  }, { passive: false });

  const middle = (factor) => act.zoom(factor, stage.clientWidth / 2, stage.clientHeight / 2);
  const keys = {
    ArrowLeft: () => act.pan(STEP, 0),
    ArrowRight: () => act.pan(-STEP, 0),
    ArrowUp: () => act.pan(0, STEP),
    ArrowDown: () => act.pan(0, -STEP),
    "+": () => middle(FASTER),
    "=": () => middle(FASTER),
    "-": () => middle(1 / FASTER),
    0: act.fit,
    Enter: act.enter,
    Escape: act.escape,
  };
  stage.addEventListener("keydown", (event) => {
    if (event.target !== stage || event.ctrlKey || event.metaKey || event.altKey || !keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  });
}
