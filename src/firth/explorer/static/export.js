// The current view as a file: SVG, PNG, CSV. Nothing leaves the machine.

import { element } from "./dom.js";
import { errorNote } from "./errors.js";

/** What a picture takes from the style sheets: an SVG file has none. */
const STYLES = [
  "fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "stroke-linejoin", "stroke-opacity",
  "opacity", "font-family", "font-size", "font-weight", "text-anchor", "dominant-baseline", "paint-order",
];
const PNG_SCALE = 2;

/**
 * Return the buttons that save a view.
 *
 * @param {string} name what the files are called
 * @param {{svg?: () => SVGElement, png?: () => Promise<Blob>, csv?: () => {columns: string[], rows: any[][]}}} makers
 *   `png` is made of the SVG where it is not given
 */
export function exportButtons(name, makers) {
  const file = fileName(name);
  const kinds = [];
  if (makers.svg) kinds.push(["SVG", () => save(`${file}.svg`, svgBlob(styled(makers.svg())))]);
  if (makers.png || makers.svg) {
    kinds.push(["PNG", async () => save(`${file}.png`, await (makers.png ? makers.png() : pngOf(styled(makers.svg()))))]);
  }
  if (makers.csv) kinds.push(["CSV", () => save(`${file}.csv`, csvBlob(makers.csv()))]);
  const bar = element("div", { class: "export row", role: "group", "aria-label": "Save this view" }, element("span", { class: "quiet" }, "Save"));
  for (const [kind, run] of kinds) {
    const click = () => Promise.resolve().then(run).catch((error) => bar.append(errorNote(error)));
    bar.append(element("button", { type: "button", "aria-label": `Save as ${kind}`, on: { click } }, kind));
  }
  return bar;
}

/** Return a file's name without anything that a file system could object to. */
function fileName(name) {
  const plain = name.replaceAll(/[^\p{L}\p{N}]+/gu, "-").replaceAll(/^-+|-+$/g, "");
  return `firth-${Array.from(plain).slice(0, 60).join("")}`;
}

function save(name, blob) {
  const href = URL.createObjectURL(blob);
  element("a", { href, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(href), 10_000); // the browser reads it a moment later
}

/** Return a copy of a picture that carries its own styles, on the page's background. */
function styled(picture) {
  const added = !picture.isConnected;
  if (added) {
    picture.classList.add("off-page"); // styles are computed only for what is in the page
    document.body.append(picture);
  }
  const copy = picture.cloneNode(true);
  const from = [picture, ...picture.querySelectorAll("*")];
  const to = [copy, ...copy.querySelectorAll("*")];
  from.forEach((node, index) => {
    const style = getComputedStyle(node);
    for (const property of STYLES) to[index].setAttribute(property, style.getPropertyValue(property));
    to[index].removeAttribute("class");
  });
  if (added) picture.remove();
  const { width, height } = picture.viewBox.baseVal;
  copy.setAttribute("width", width);
  copy.setAttribute("height", height);
  const background = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  background.setAttribute("width", width);
  background.setAttribute("height", height);
  background.setAttribute("fill", getComputedStyle(document.body).backgroundColor);
  copy.prepend(background);
  return copy;
}

function svgBlob(picture) {
  return new Blob([new XMLSerializer().serializeToString(picture)], { type: "image/svg+xml" });
}

async function pngOf(picture) {
  const href = URL.createObjectURL(svgBlob(picture));
  const image = new Image();
  image.src = href;
  await image.decode();
  const canvas = element("canvas", {
    width: PNG_SCALE * picture.getAttribute("width"),
    height: PNG_SCALE * picture.getAttribute("height"),
  });
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  URL.revokeObjectURL(href);
  return pngBlob(canvas);
}

/** Return a canvas as a PNG. */
export function pngBlob(canvas) {
  return new Promise((done, failed) =>
    canvas.toBlob((blob) => (blob ? done(blob) : failed(new Error("the picture is too large for this browser"))), "image/png"),
  );
}

/** RFC 4180; a mark tells spreadsheets that it is UTF-8. */
function csvBlob({ columns, rows }) {
  const cell = (value) => {
    const text = String(value);
    return /[",\r\n]|^\s|\s$/u.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const lines = [columns, ...rows].map((row) => row.map(cell).join(","));
  return new Blob([`\ufeff${lines.join("\r\n")}\r\n`], { type: "text/csv;charset=utf-8" });
}
