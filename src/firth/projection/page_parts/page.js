"use strict";
// The map: points are painted into pixels, labels are drawn above them by frequency, each where there is room.
// Words come from a model and are only ever text: textContent and fillText, never markup.

const data = JSON.parse(document.getElementById("data").textContent);
const words = data.words, total = words.length, listed = data.listed;
const by = (id) => document.getElementById(id);
const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

const xs = new Float32Array(total), ys = new Float32Array(total);
const near = bytes(data.near), neighborBytes = bytes(data.neighbors);
{
  const view = new DataView(bytes(data.places).buffer);
  for (let i = 0; i < total; i++) {
    xs[i] = view.getUint16(4 * i, true) / 32767.5 - 1;
    ys[i] = 1 - view.getUint16(4 * i + 2, true) / 32767.5;
  }
}

function neighborsOf(place) {
  return Array.from({ length: listed }, (_, n) => {
    const at = 3 * (place * listed + n);
    return neighborBytes[at] | (neighborBytes[at + 1] << 8) | (neighborBytes[at + 2] << 16);
  });
}

// Colours: part of viridis, so that the least trusted is faint and still told apart from the paper.
const VIRIDIS = ["440154", "482878", "3e4989", "31688e", "26828e", "1f9e89", "35b779", "6ece58", "b5de2b", "fde725"];
const ENDS = { light: [0.86, 0], dark: [0.18, 1] };
const PLAIN = { light: [0x8a, 0x93, 0xa5], dark: [0x6d, 0x76, 0x88] };

function viridis(share) {
  const at = Math.min(Math.max(share, 0), 1) * (VIRIDIS.length - 1), low = Math.min(Math.floor(at), VIRIDIS.length - 2);
  return [0, 2, 4].map((digit) => {
    const [a, b] = [VIRIDIS[low], VIRIDIS[low + 1]].map((color) => parseInt(color.slice(digit, digit + 2), 16));
    return Math.round(a + (b - a) * (at - low));
  });
}

const root = document.documentElement, points = by("points"), labels = by("labels");
const ink = points.getContext("2d", { alpha: false }), pen = labels.getContext("2d");
const view = { x: 0, y: 0, scale: 1 }; // the middle of the stage in units of the map, and CSS pixels a unit
let width = 0, height = 0, ratio = 1, whole = 1, image = null, pixels = null;
let colors = new Uint32Array(total), chosen = data.chosen.slice(), asked = false, style = {};

function theme() {
  return root.dataset.theme;
}

function setTheme(name) {
  root.dataset.theme = name;
  const computed = getComputedStyle(root);
  style = Object.fromEntries(["paper", "ink", "accent"].map((key) => [key, computed.getPropertyValue(`--${key}`).trim()]));
  recolor();
}

function scaled(share) {
  const [low, high] = ENDS[theme()];
  return viridis(low + (high - low) * share);
}

function recolor() {
  const mode = by("coloring").value, steps = mode === "trust" ? data.k : 10;
  const packed = ([r, g, b]) => (0xff000000 | (b << 16) | (g << 8) | r) >>> 0;
  const table = Array.from({ length: 257 }, (_, n) => packed(scaled(n / 256)));
  for (let i = 0; i < total; i++) {
    const share = mode === "trust" ? near[i] / data.k : 1 - Math.log1p(i) / Math.log1p(total);
    colors[i] = mode === "none" ? packed(PLAIN[theme()]) : table[Math.round(share * 256)];
  }
  const legend = by("scale");
  legend.replaceChildren();
  legend.hidden = by("ends").hidden = mode === "none";
  for (let n = 0; n <= steps; n++) {
    const field = legend.appendChild(document.createElement("span"));
    field.style.background = `rgb(${scaled(n / steps).join()})`;
  }
  by("least").textContent = mode === "trust" ? "0" : "rarest";
  by("most").textContent = mode === "trust" ? `${data.k}` : "most frequent";
  by("meaning").textContent = { trust: `${data.definition[0].toUpperCase()}${data.definition.slice(1)}.`, frequency: "Words by their place in the order of frequency.", none: "" }[mode];
  redraw();
}

// Drawing

function redraw() {
  if (!asked) requestAnimationFrame(paint);
  asked = true;
}

function across(x) {
  return (x - view.x) * view.scale + width / 2;
}

function down(y) {
  return (y - view.y) * view.scale + height / 2;
}

function paint() {
  asked = false;
  if (!image) return;
  paintPoints();
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  paintLines();
  paintLabels();
}

function radius() {
  const room = Math.sqrt((4 * whole * whole) / total); // CSS pixels a point, when all are shown
  return Math.min(7, Math.max(0.6, 0.24 * room) * Math.pow(view.scale / whole, 0.35));
}

function paintPoints() {
  const columns = image.width, lines = image.height, reach = radius() * ratio;
  const paper = parseInt(style.paper.slice(1), 16);
  pixels.fill((0xff000000 | ((paper & 255) << 16) | (paper & 0xff00) | (paper >> 16)) >>> 0);
  const size = Math.max(1, Math.round(2 * reach)), middle = (size - 1) / 2;
  const spans = Array.from({ length: size }, (_, row) => {
    const half = Math.sqrt((size / 2) ** 2 - (row - middle) ** 2);
    return [Math.ceil(middle - half), Math.floor(middle + half)];
  });
  for (let i = total - 1; i >= 0; i--) { // the most frequent on top
    const x = Math.round(across(xs[i]) * ratio - middle), y = Math.round(down(ys[i]) * ratio - middle);
    if (x <= -size || y <= -size || x >= columns || y >= lines) continue;
    for (let row = Math.max(0, -y); row < size && y + row < lines; row++) {
      const from = Math.max(0, x + spans[row][0]), to = Math.min(columns - 1, x + spans[row][1]);
      if (from <= to) pixels.fill(colors[i], (y + row) * columns + from, (y + row) * columns + to + 1);
    }
  }
  ink.putImageData(image, 0, 0);
}

function paintLines() {
  pen.strokeStyle = style.accent;
  for (const place of chosen) {
    pen.lineWidth = 1;
    pen.beginPath();
    for (const other of neighborsOf(place)) {
      pen.moveTo(across(xs[place]), down(ys[place]));
      pen.lineTo(across(xs[other]), down(ys[other]));
    }
    pen.stroke();
    pen.lineWidth = 2;
    pen.beginPath();
    pen.arc(across(xs[place]), down(ys[place]), radius() + 4, 0, 2 * Math.PI);
    pen.stroke();
  }
}

// Labels: a cell of 4 by 4 pixels belongs to the first label that takes it.

const CELL = 4, LONGEST = 28;
const widths = new Map();
let taken = new Uint8Array(0), cellsAcross = 0, cellsDown = 0;

function shortened(word) {
  const letters = Array.from(word);
  return letters.length > LONGEST ? `${letters.slice(0, LONGEST - 1).join("")}…` : word;
}

function take(left, top, right, bottom) {
  if (left < 2 || top < 2 || right > width - 2 || bottom > height - 2) return false;
  const [x0, x1, y0, y1] = [left, right, top, bottom].map((edge) => Math.floor(edge / CELL));
  for (let y = y0; y <= y1; y++) for (let x = x0; x <= x1; x++) if (taken[y * cellsAcross + x]) return false;
  for (let y = y0; y <= y1; y++) taken.fill(1, y * cellsAcross + x0, y * cellsAcross + x1 + 1);
  return true;
}

function write(place, size, bold) {
  const x = across(xs[place]), y = down(ys[place]);
  if (x < 0 || y < 0 || x > width || y > height) return false;
  const text = shortened(words[place]), font = `${bold ? "600 " : ""}${size}px system-ui, "DejaVu Sans", sans-serif`;
  const key = `${font}\n${text}`;
  pen.font = font;
  if (!widths.has(key)) {
    if (widths.size > 20000) widths.clear();
    widths.set(key, pen.measureText(text).width);
  }
  const long = widths.get(key), tall = size * 1.25, gap = radius() + 3;
  if (!long) return false;
  const corners = [[x + gap, y - tall / 2], [x - gap - long, y - tall / 2], [x - long / 2, y - gap - tall], [x - long / 2, y + gap]];
  const free = corners.find(([left, top]) => take(left - 2, top, left + long + 2, top + tall));
  if (!free) return false;
  pen.strokeText(text, free[0], free[1] + tall / 2);
  pen.fillText(text, free[0], free[1] + tall / 2);
  return true;
}

function paintLabels() {
  taken.fill(0);
  const [stage, panel] = [by("stage"), by("panel")].map((part) => part.getBoundingClientRect());
  if (panel.left < stage.right && panel.top < stage.bottom) {
    for (let y = 0; y < cellsDown; y++) if (y * CELL < panel.bottom) taken.fill(1, y * cellsAcross, y * cellsAcross + Math.min(cellsAcross, Math.ceil(panel.right / CELL)));
  }
  pen.lineJoin = "round";
  pen.lineWidth = 3;
  pen.strokeStyle = style.paper;
  pen.textBaseline = "middle";
  pen.fillStyle = style.accent;
  for (const place of chosen) write(place, 15, true);
  pen.fillStyle = style.ink;
  const done = new Set(chosen);
  for (const place of chosen) for (const other of neighborsOf(place)) {
    if (!done.has(other)) write(other, 13, true);
    done.add(other);
  }
  const most = Math.min(250, (width * height) / 4500);
  for (let i = 0, written = 0, tried = 0; i < total && written < most && tried < 4000; i++) {
    const x = across(xs[i]), y = down(ys[i]);
    if (done.has(i) || x < 0 || y < 0 || x > width || y > height) continue;
    tried += 1;
    written += write(i, written < most * 0.08 ? 15 : written < most * 0.35 ? 13 : 11.5, false);
  }
}

// Moving

function fit() {
  let right = -1, low = 1, left = 1, bottom = -1;
  for (let i = 0; i < total; i++) {
    left = Math.min(left, xs[i]), right = Math.max(right, xs[i]), low = Math.min(low, ys[i]), bottom = Math.max(bottom, ys[i]);
  }
  const panel = by("panel").getBoundingClientRect(), beside = panel.height > height / 3 && panel.top < height && panel.right < width / 2;
  const room = beside ? width - panel.right : width;
  whole = 0.92 * Math.min(room / Math.max(right - left, 1e-6), height / Math.max(bottom - low, 1e-6));
  view.scale = whole;
  view.x = (left + right) / 2 - (width - room) / 2 / whole;
  view.y = (low + bottom) / 2;
  redraw();
}

function zoom(factor, x = width / 2, y = height / 2) {
  const scale = Math.min(Math.max(view.scale * factor, whole * 0.5), whole * 400), change = 1 / view.scale - 1 / scale;
  view.x += (x - width / 2) * change;
  view.y += (y - height / 2) * change;
  view.scale = scale;
  redraw();
}

function move(dx, dy) {
  view.x -= dx / view.scale;
  view.y -= dy / view.scale;
  redraw();
}

// The nearest point: points are sorted into square cells once.

const SIDE = 256, first = new Uint32Array(SIDE * SIDE + 1), inCells = new Uint32Array(total);
const cellOf = (value) => Math.min(SIDE - 1, Math.max(0, Math.floor(((value + 1) / 2) * SIDE)));
{
  const cells = Uint32Array.from(xs, (x, i) => cellOf(ys[i]) * SIDE + cellOf(x));
  for (const cell of cells) first[cell + 1] += 1;
  for (let cell = 0; cell < SIDE * SIDE; cell++) first[cell + 1] += first[cell];
  const next = first.slice();
  for (let i = 0; i < total; i++) inCells[next[cells[i]]++] = i;
}

function pointAt(px, py) {
  const x = (px - width / 2) / view.scale + view.x, y = (py - height / 2) / view.scale + view.y;
  const reach = Math.max(8, radius() + 3) / view.scale;
  let found = -1, best = reach * reach;
  for (let line = cellOf(y - reach); line <= cellOf(y + reach); line++) {
    const from = first[line * SIDE + cellOf(x - reach)], to = first[line * SIDE + cellOf(x + reach) + 1];
    for (let at = from; at < to; at++) {
      const i = inCells[at], distance = (xs[i] - x) ** 2 + (ys[i] - y) ** 2;
      if (distance < best || (distance === best && i < found)) [found, best] = [i, distance];
    }
  }
  return found;
}

// Choosing a word

function facts(place) {
  return `${near[place]} of its ${listed} true neighbours are near it on the map; number ${(place + 1).toLocaleString("en")} by frequency.`;
}

function show(places, center) {
  chosen = places;
  const section = by("selected"), place = places[0];
  section.hidden = place === undefined;
  if (place !== undefined) {
    by("word").textContent = words[place];
    by("facts").textContent = facts(place);
    by("neighbors").replaceChildren(...neighborsOf(place).map((other) => {
      const item = document.createElement("li"), button = item.appendChild(document.createElement("button"));
      const name = button.appendChild(document.createElement("bdi"));
      button.type = "button";
      name.textContent = words[other];
      button.addEventListener("click", () => choose(other, true));
      return item;
    }));
    if (center) {
      view.scale = Math.max(view.scale, whole * 4);
      view.x = xs[place];
      view.y = ys[place];
    }
  }
  redraw();
}

function choose(place, center) {
  const wanted = place < 0 ? "" : encodeURIComponent(words[place]);
  if (location.hash.slice(1) !== wanted) history.pushState(null, "", `#${wanted}`);
  show(place < 0 ? [] : [place], center);
}

function fromAddress() {
  let wanted = "";
  try {
    wanted = decodeURIComponent(location.hash.slice(1));
  } catch {
    // not an address of this page
  }
  const place = wanted ? words.indexOf(wanted) : -1;
  show(place < 0 ? [] : [place], place >= 0);
}

// Searching

const search = by("search"), found = by("found"), FOUND = 8;
let offered = [], picked = 0;

function offer() {
  const typed = search.value.trim(), folded = typed.toLocaleLowerCase();
  const begins = [], within = [];
  for (let i = 0; typed && i < total && begins.length < FOUND; i++) {
    const word = words[i].toLocaleLowerCase();
    if (words[i] === typed) begins.unshift(i);
    else if (word.startsWith(folded)) begins.push(i);
    else if (within.length < FOUND && word.includes(folded)) within.push(i);
  }
  const exact = typed ? words.indexOf(typed) : -1;
  offered = [...new Set([...(exact < 0 ? [] : [exact]), ...begins, ...within])].slice(0, FOUND);
  picked = 0;
  const items = offered.map((place, n) => {
    const item = document.createElement("li");
    item.id = `found-${n}`;
    item.setAttribute("role", "option");
    item.setAttribute("aria-selected", String(n === picked));
    item.appendChild(document.createElement("bdi")).textContent = words[place];
    item.addEventListener("pointerdown", (event) => { event.preventDefault(); accept(n); });
    return item;
  });
  if (typed && !items.length) {
    items.push(document.createElement("li"));
    items[0].className = "none";
    items[0].textContent = "No word of the map begins so or holds that.";
  }
  found.replaceChildren(...items);
  found.hidden = !items.length;
  search.setAttribute("aria-expanded", String(!found.hidden));
  point();
}

function point() {
  Array.from(found.children, (item, n) => item.setAttribute("aria-selected", String(n === picked && offered.length > 0)));
  if (offered.length) search.setAttribute("aria-activedescendant", `found-${picked}`);
  else search.removeAttribute("aria-activedescendant");
}

function accept(number) {
  if (offered[number] === undefined) return;
  const place = offered[number];
  closeOffer();
  search.value = "";
  choose(place, true);
  labels.focus();
}

function closeOffer() {
  offered = [];
  found.hidden = true;
  search.setAttribute("aria-expanded", "false");
  point();
}

search.addEventListener("input", offer);
search.addEventListener("blur", closeOffer);
search.addEventListener("keydown", (event) => {
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    if (offered.length) picked = (picked + (event.key === "ArrowDown" ? 1 : offered.length - 1)) % offered.length;
    point();
  } else if (event.key === "Enter") accept(picked);
  else if (event.key === "Escape") { search.value = ""; closeOffer(); labels.focus(); }
  else return;
  event.preventDefault();
  event.stopPropagation();
});

// Pointer, wheel and keys

const held = new Map();
let travelled = 0;

function at(event) {
  const box = labels.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
}

labels.addEventListener("pointerdown", (event) => {
  labels.setPointerCapture(event.pointerId);
  if (!held.size) travelled = 0;
  held.set(event.pointerId, at(event));
});
labels.addEventListener("pointermove", (event) => {
  const [x, y] = at(event), before = held.get(event.pointerId);
  if (!before) return hover(x, y);
  const other = [...held].find(([id]) => id !== event.pointerId)?.[1];
  travelled += Math.hypot(x - before[0], y - before[1]);
  if (other) {
    const [now, then] = [[x, y], before].map((place) => Math.hypot(place[0] - other[0], place[1] - other[1]));
    zoom(now / Math.max(then, 1), (x + other[0]) / 2, (y + other[1]) / 2);
    move((x - before[0]) / 2, (y - before[1]) / 2);
  } else move(x - before[0], y - before[1]);
  held.set(event.pointerId, [x, y]);
  by("hover").hidden = true;
});
labels.addEventListener("pointerup", (event) => {
  if (held.delete(event.pointerId) && !held.size && travelled < 5) choose(pointAt(...at(event)), false);
});
labels.addEventListener("pointercancel", (event) => held.delete(event.pointerId));
labels.addEventListener("pointerleave", () => { by("hover").hidden = true; });
labels.addEventListener("wheel", (event) => {
  event.preventDefault();
  const lines = [1, 16, 400][event.deltaMode] ?? 1;
  zoom(Math.exp(-Math.max(-300, Math.min(300, event.deltaY * lines)) * 0.0022), ...at(event));
}, { passive: false });

function hover(x, y) {
  const place = pointAt(x, y), box = by("hover");
  box.hidden = place < 0;
  labels.style.cursor = place < 0 ? "" : "pointer";
  if (place < 0) return;
  box.textContent = `${words[place]} · ${near[place]} of ${listed} near`;
  box.style.left = `${Math.max(2, Math.min(x + 14, width - box.offsetWidth - 2))}px`;
  box.style.top = `${y > height - 50 ? y - 36 : y + 14}px`;
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target instanceof HTMLInputElement) return;
  if (event.target instanceof HTMLSelectElement && event.key !== "/") return;
  const steps = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] };
  if (event.key === "/") search.focus();
  else if (event.key === "+" || event.key === "=") zoom(1.4);
  else if (event.key === "-") zoom(1 / 1.4);
  else if (event.key === "0") fit();
  else if (event.key === "Escape") choose(-1, false);
  else if (event.key in steps && event.target === labels) move(...steps[event.key]);
  else return;
  event.preventDefault();
});

by("in").addEventListener("click", () => zoom(1.6));
by("out").addEventListener("click", () => zoom(1 / 1.6));
by("all").addEventListener("click", fit);
by("clear").addEventListener("click", () => choose(-1, false));
by("theme").addEventListener("click", () => setTheme(theme() === "dark" ? "light" : "dark"));
by("coloring").addEventListener("change", recolor);
addEventListener("popstate", fromAddress);

function resize() {
  const box = by("stage").getBoundingClientRect(), fresh = !image;
  [width, height, ratio] = [box.width, box.height, Math.min(devicePixelRatio || 1, 2)];
  for (const canvas of [points, labels]) {
    canvas.width = Math.max(1, Math.round(width * ratio));
    canvas.height = Math.max(1, Math.round(height * ratio));
  }
  image = ink.createImageData(points.width, points.height);
  pixels = new Uint32Array(image.data.buffer);
  [cellsAcross, cellsDown] = [width, height].map((side) => Math.ceil(side / CELL) + 1);
  taken = new Uint8Array(cellsAcross * cellsDown);
  if (fresh) fit();
  redraw();
}

by("title").textContent = data.title;
by("sentences").append(...data.sentences.map((sentence) => {
  const line = document.createElement("p");
  line.textContent = sentence;
  return line;
}));
by("coloring").value = data.coloring;
setTheme(data.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"));
addEventListener("resize", resize);
resize();
if (location.hash.length > 1) fromAddress();
else show(chosen, false);
