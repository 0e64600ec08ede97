// Elements out of data. Words of a model become text nodes and attributes, never markup.

const SVG = "http://www.w3.org/2000/svg";

/** Make an HTML element. `attributes` may hold `on: {event: handler}`; null and false leave one out. */
export function element(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** Make an SVG element. */
export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "on") {
      for (const [event, handler] of Object.entries(value)) node.addEventListener(event, handler);
    } else if (value !== null && value !== undefined && value !== false) {
      node.setAttribute(name, value === true ? "" : value);
    }
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** Tell a reader who does not see the page what has changed. */
export function announce(text) {
  document.getElementById("status").textContent = text;
}

/** Return what a variable of palette.css is now, as `rgb(...)`: a canvas knows no variables. */
export function color(name) {
  const probe = document.getElementById("status");
  probe.style.color = `var(--${name})`;
  const found = getComputedStyle(probe).color;
  probe.style.color = "";
  return found;
}

/** Return a function that runs `work` at most once a frame, however often it is called. */
export function onceAFrame(work) {
  let waiting = 0;
  return () => {
    waiting ||= requestAnimationFrame(() => {
      waiting = 0;
      work();
    });
  };
}

/** Return a function that runs `work` when it has not been called for `milliseconds`. */
export function whenQuiet(milliseconds, work) {
  let timer = 0;
  const later = (...values) => {
    clearTimeout(timer);
    timer = setTimeout(() => work(...values), milliseconds);
  };
  later.cancel = () => clearTimeout(timer);
  return later;
}
