// Words projected on an axis between two poles; two axes make a scatter.

import { ask, turns } from "./api.js";
import { axisName, dotChart, scatterChart } from "./axis-charts.js";
import { chips } from "./chips.js";
import { announce, element } from "./dom.js";
import { orExplain } from "./errors.js";
import { exportButtons } from "./export.js";
import { address, changed, go } from "./route.js";
import { decimal, shown, wordLink } from "./words.js";

// Poles and words as they stand in the address: a and b are the first axis, a2 and b2 the second.
const FIELDS = [
  ["a", "From"], ["b", "to"], ["a2", "Second axis: from"], ["b2", "to"],
  ["show", "Words to place"],
];
const EXAMPLE = {
  a: ["she", "her"], b: ["he", "his"],
  show: ["king", "queen", "man", "woman", "son", "daughter", "brother", "sister", "people", "house"],
};
const WIDEST = 1100, NARROWEST = 340;

/** Open the view in `host`. */
export function open(host, app) {
  const turn = turns();
  let params = new URLSearchParams();
  let redraw = () => {};
  const model = () => app.model;
  const fields = FIELDS.map(([name, label]) => {
    const onChange = (words) => go("axes", changed(params, { [name]: words }));
    return { name, box: chips({ label, placeholder: "add a word", onChange, model }) };
  });
  const node = (name) => fields.find((field) => field.name === name).box.node;
  const answer = element("div", { class: "answer" });
  host.append(
    element("h1", {}, "Axes"),
    element("p", { class: "lead" }, "Two poles make a direction; other words are placed by their cosine with it. A place on the axis has no interval of its own: compare it with other words’, and try other poles."),
    element("div", { class: "fields" }, node("a"), node("b")),
    element("div", { class: "fields" }, node("a2"), node("b2")),
    element("div", { class: "fields one" }, node("show")),
    answer,
  );
  const observer = new ResizeObserver(() => redraw());
  observer.observe(answer);
  return {
    async update(next) {
      params = next;
      const signal = turn();
      redraw = () => {};
      const given = Object.fromEntries(FIELDS.map(([name]) => [name, params.getAll(name)]));
      for (const { name, box } of fields) box.set(given[name]);
      const missing = whatIsMissing(given, app);
      if (missing) return void answer.replaceChildren(missing);
      await orExplain(answer, replacer(given, params), async () => {
        const pole = (words) => (words.length ? words.join(",") : null);
        const two = given.a2.length > 0 && given.b2.length > 0;
        const found = await ask("axes", {
          a: pole(given.a), b: pole(given.b), a2: two ? pole(given.a2) : null, b2: two ? pole(given.b2) : null,
          word: given.show, model: app.model,
        }, signal);
        redraw = answerDrawer(answer, found, app);
        redraw();
        if (!two && given.a2.length + given.b2.length) {
          answer.prepend(element("p", { class: "note" }, "The second axis needs a word at both of its poles, too."));
        }
        announce(`${found.words.length} words placed on ${found.axes.map(axisName).join(" and ")}`);
      });
    },
    close() {
      turn.end();
      observer.disconnect();
    },
  };
}

function whatIsMissing(given, app) {
  if (given.a.length && given.b.length && given.show.length) return null;
  if (FIELDS.some(([name]) => given[name].length)) {
    return element("p", { class: "note" }, "An axis needs a word at both poles, and words to place.");
  }
  const example = address("axes", { ...EXAMPLE, model: app.model || null });
  return element("p", { class: "ways" }, "For example ", element("a", { href: example }, "she … he, with king, queen and others"));
}

function replacer(given, params) {
  return (unknown, word) => {
    const mended = Object.entries(given).map(([name, words]) => [name, words.map((one) => (one === unknown ? word : one))]);
    go("axes", changed(params, Object.fromEntries(mended)));
  };
}

/** Return what draws the answer at the width that there is; a narrower or wider page is drawn anew. */
function answerDrawer(host, found, app) {
  const title = found.axes.map(axisName).join("  ×  ");
  const draw = (width) => (found.axes.length > 1 ? scatterChart(found.axes, found.words, width, title) : dotChart(found.axes[0], found.words, width, title));
  const figure = element("div", { class: "figure" });
  let drawn = 0;
  host.replaceChildren(
    figure,
    ...found.axes.map((axis) => element("p", { class: "note" }, poleNote(axis))),
    exportButtons(`axes ${title}`, { svg: () => figure.firstElementChild, csv: () => csv(found) }),
    table(found, app),
  );
  return () => {
    const width = Math.round(Math.min(WIDEST, Math.max(NARROWEST, host.clientWidth)));
    if (width === drawn) return;
    drawn = width;
    figure.replaceChildren(draw(width));
  };
}

function poleNote(axis) {
  const far = axis.cosine_of_poles;
  const text = `The poles of ${axisName(axis)} have a cosine of ${decimal(far, 2)} with each other`;
  return far > 0.6 ? `${text}: they are much alike, and what tells them apart may be little more than noise.` : `${text}.`;
}

function table(found, app) {
  const sorted = found.words.toSorted((one, other) => one.positions[0] - other.positions[0]);
  return element("div", { class: "scroll" }, element(
    "table",
    { class: "plain" },
    element("caption", {}, "Cosine with each axis"),
    element("thead", {}, element("tr", {}, element("th", { scope: "col" }, "word"),
      found.axes.map((axis) => element("th", { scope: "col", class: "number" }, axisName(axis))))),
    element("tbody", {}, sorted.map((word) => element("tr", {},
      element("th", { scope: "row" }, wordLink(word.word, address("neighbors", { word: word.word, model: app.model || null }))),
      word.positions.map((position) => element("td", { class: "number" }, decimal(position, 3)))))),
  ));
}

function csv(found) {
  const names = found.axes.map((axis) => `${axis.a.map((word) => shown(word)).join(" ")} / ${axis.b.map((word) => shown(word)).join(" ")}`);
  return { columns: ["word", ...names], rows: found.words.map((word) => [word.word, ...word.positions]) };
}
