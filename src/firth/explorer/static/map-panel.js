// What stands beside the map: how it was made, what the colours mean, how far to trust it, the selected word.

import { url } from "./api.js";
import { element, svg } from "./dom.js";
import { errorNote } from "./errors.js";
import { exportButtons } from "./export.js";
import { MODES, isDark, rampColor } from "./map-colors.js";
import { placeOnMap } from "./map-data.js";
import { address } from "./route.js";
import { shown, whole, wordLink, wordNode } from "./words.js";

const HELP = "map-help";
const SWATCHES = 24;
const METHODS = { pca: "PCA", umap: "UMAP", tsne: "t-SNE", opentsne: "t-SNE" };

/** Return the panel; each part is drawn when what it shows changes. */
export function mapPanel({ onMode, stage }) {
  const progress = element("div", { class: "progress" });
  const legend = element("div", { class: "legend" });
  const trust = element("div", { class: "trust" });
  const word = element("div", { class: "chosen" });
  const saves = element("div", { class: "saves" });
  const help = element("p", { id: HELP, class: "quiet small" },
    "Drag to move, wheel or pinch to zoom. Keys: arrows, + and −, 0 for the whole map, Enter for the word in the middle, Esc to let go.");
  const node = element("aside", { class: "panel", "aria-label": "About the map" }, progress, word, legend, trust, saves, help);
  const drawLegend = (mode) => legend.replaceChildren(...legendParts(mode, onMode));
  return {
    node,
    help: HELP,
    drawProgress(state) {
      progress.replaceChildren(...progressParts(state));
      for (const part of [legend, saves, help]) part.hidden = state.state === "failed" && !state.points;
    },
    drawLegend,
    drawTrust: (facts) => trust.replaceChildren(...trustParts(facts)),
    drawWord: (facts) => word.replaceChildren(...(facts ? wordParts(facts) : [])),
    drawSaves: (name, model) => saves.replaceChildren(...saveParts(name, model, stage())),
  };
}

function progressParts(state) {
  const made = METHODS[state.method] ?? state.method;
  if (state.state === "failed") return [errorNote(state)];
  if (state.state !== "computing") {
    const lines = [element("p", { class: "quiet small" }, `${whole(state.points)} words placed by ${made}.`)];
    if (state.message) lines.push(element("p", { class: "quiet small" }, state.message));
    return lines;
  }
  const share = Math.round(100 * (state.progress ?? 0));
  return [
    element("label", { class: "small" },
      element("span", {}, state.points ? `A first map by ${made}; a better one is being made: ${share}\u00a0%` : `The map is being made: ${share}\u00a0%`),
      element("progress", { max: 100, value: share })),
    element("p", { class: "quiet small" }, state.message ?? ""),
  ];
}

function legendParts(mode, onMode) {
  const choices = Object.entries(MODES).map(([key, { name }]) =>
    element("label", { class: "choice" },
      element("input", { type: "radio", name: "color", value: key, checked: key === mode, on: { change: () => onMode(key) } }), name));
  const { low, high } = MODES[mode];
  const swatches = Array.from({ length: SWATCHES }, (_, index) =>
    svg("rect", { x: index, y: 0, width: 1.05, height: 1, fill: `rgb(${rampColor(mode, index / (SWATCHES - 1), isDark()).join(" ")})` }));
  return [
    element("fieldset", { class: "row" }, element("legend", {}, "Colour"), choices),
    element("div", { class: "ramp" }, element("span", {}, low),
      svg("svg", { viewBox: `0 0 ${SWATCHES} 1`, preserveAspectRatio: "none", role: "img", "aria-label": `${low} to ${high}` }, swatches),
      element("span", {}, high)),
  ];
}

/** The warning, with the figures of what is in sight. */
function trustParts({ data, sentences, definition, sight }) {
  return [
    element("h2", {}, "How far to trust it"),
    element("p", {}, data.measured ? sightSentence(sight, data.k) : "How many true neighbours are near each word is being counted."),
    sentences.map((sentence) => element("p", {}, sentence)),
    element("details", {}, element("summary", {}, "What “near” means"), element("p", { class: "quiet" }, `Near: ${definition}.`)),
  ].flat();
}

function sightSentence({ count, near }, k) {
  if (!count) return "No word is in sight.";
  return `In sight: ${whole(count)} words, of whose ${k} true neighbours ${near.toFixed(1)} are near them here, on average.`;
}

function wordParts({ word, point, neighbors, data, find, model }) {
  const heading = element("h2", {}, wordNode(word, 30));
  if (point === undefined) return [heading, element("p", { class: "note" }, "This word is not on the map, which shows the most frequent ones.")];
  const near = data.near[point];
  const rows = neighbors.map((entry) => {
    const other = find(entry.word);
    const place = other === undefined ? "not on it" : whole(placeOnMap(data, point, other));
    return element("tr", {},
      element("th", { scope: "row" }, wordLink(entry.word, address("map", { word: entry.word, model }))),
      element("td", { class: "number" }, entry.cosine.toFixed(3)),
      element("td", { class: "number" }, place));
  });
  return [
    heading,
    data.measured
      ? element("p", { class: "verdict" }, `Of ${shown(word, 30)}’s ${data.k} true neighbours, `, element("strong", {}, `${near} ${near === 1 ? "is" : "are"} near it here`), `. ${judgement(near, data.k)}`)
      : element("p", { class: "verdict" }, "Lines lead to its true neighbours; how many of them are near it here is being counted."),
    element("table", { class: "plain tight" },
      element("thead", {}, element("tr", {},
        element("th", { scope: "col" }, "true neighbour"),
        element("th", { scope: "col", class: "number" }, "cosine"),
        element("th", { scope: "col", class: "number", title: "1: no other word is nearer on the map" }, "place here"))),
      element("tbody", {}, rows)),
    element("p", { class: "ways" }, element("span", {}, element("a", { href: address("neighbors", { word, model }) }, "All neighbours"))),
  ];
}

function judgement(near, k) {
  if (near >= 0.7 * k) return "Its surroundings are much as in the model.";
  if (near >= 0.3 * k) return "Its surroundings are half the truth: follow the lines.";
  return "Do not read its surroundings: follow the lines.";
}

function saveParts(name, model, stage) {
  const formats = [["projector", "TensorBoard projector"], ["atlas", "Embedding Atlas"], ["csv", "CSV"]];
  const links = formats.map(([format, title]) =>
    element("span", {}, element("a", { href: url("map/export", { format, model: model || null }), download: true }, title)));
  return [
    exportButtons(name, { svg: () => stage.svg(name), png: () => stage.png() }),
    element("p", { class: "ways small" }, "All points for ", links),
  ];
}
