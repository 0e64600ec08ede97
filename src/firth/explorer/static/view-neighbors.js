// The nearest words of a word, from the full space: the page's home.

import { ask, turns } from "./api.js";
import { announce, element } from "./dom.js";
import { orExplain } from "./errors.js";
import { exportButtons } from "./export.js";
import { rankingTable, rankingsCsv, rankingsSvg } from "./ranking.js";
import { address, changed, go } from "./route.js";
import { listed, shown, whole, wordNode } from "./words.js";

const SIZES = [10, 20, 50, 100];
// Starting points are some of the frequent words, but not the most frequent: those are "the", "of", "and".
const FREQUENT = 1000, STARTS_FROM = 100, STARTS = 36;

/** Open the view in `host`. */
export function open(host, app) {
  const turn = turns();
  return {
    async update(params) {
      const signal = turn();
      const replace = (_, word) => go("neighbors", changed(params, { word }));
      await orExplain(host, replace, async () => {
        const word = params.get("word");
        host.replaceChildren(...(word === null ? await welcome(app, signal) : await about(word, params, app, signal)));
      });
    },
    close: turn.end,
  };
}

async function welcome(app, signal) {
  const { words } = await ask("complete", { q: "", limit: FREQUENT, model: app.model }, signal).catch(() => ({ words: [] }));
  const from = words.length >= STARTS_FROM + STARTS ? words.slice(STARTS_FROM) : words;
  const starts = from.filter((_, place) => place % Math.ceil(from.length / STARTS) === 0);
  const { words: size, vector_size: dimensions } = app.describe();
  return [
    element("h1", {}, "Look at the words"),
    element(
      "p",
      { class: "lead" },
      `This model knows ${whole(size)} ${size === 1 ? "word" : "words"}, each as ${whole(dimensions)} numbers learnt from the company it keeps. `,
      "Search one to see its neighbours: press ", element("kbd", {}, "/"), " and type.",
    ),
    starts.length ? element("h2", {}, "Or begin with one of these") : null,
    element("ul", { class: "starts" }, starts.map(({ word }) =>
      element("li", {}, element("a", { href: address("neighbors", { word, model: app.model || null }) }, wordNode(word, 24))))),
  ].filter(Boolean);
}

async function about(word, params, app, signal) {
  const topn = SIZES.includes(Number(params.get("topn"))) ? Number(params.get("topn")) : SIZES[0];
  const { results } = await ask("neighbors", { word, topn, model: app.model }, signal);
  const found = results[0];
  const ranking = {
    title: `Nearest to ${shown(word)}`,
    score: "cosine",
    entries: found.neighbors.map((entry) => ({
      word: entry.word,
      value: entry.cosine,
      count: entry.count,
      flag: found.runs === undefined ? null : `${entry.runs} of ${found.runs} runs`,
      href: address("neighbors", changed(params, { word: entry.word })),
    })),
  };
  announce(`${ranking.entries.length} nearest words of ${shown(word)}: ${listed(ranking.entries.slice(0, 3).map((entry) => entry.word))} first`);
  const body = ranking.entries.length
    ? rankingTable(ranking)
    : element("p", { class: "note" }, `${shown(word)} has no neighbours: its vector is all zeros, or no other word was trained.`);
  return [
    element("h1", {}, wordNode(word)),
    element("p", { class: "lead" }, "The nearest words by cosine, by exact search in all dimensions."),
    element("div", { class: "columns" },
      element("div", { class: "scroll" }, body),
      element("aside", { class: "side" },
        facts(found),
        sizes(topn, params),
        element("p", { class: "ways" }, ways(word, app)),
        exportButtons(`neighbours ${word}`, {
          svg: () => rankingsSvg([ranking], `Nearest to ${shown(word)}`),
          csv: () => rankingsCsv([ranking]),
        }),
      )),
  ];
}

function facts(found) {
  const pairs = [];
  if (Number.isFinite(found.count)) pairs.push(["In the corpus", `${whole(found.count)} times`]);
  if (found.runs !== undefined) pairs.push(["Runs compared", `${found.runs}`]);
  if (Number.isFinite(found.overlap)) pairs.push(["Neighbours shared by runs", `${Math.round(100 * found.overlap)} %`]);
  return element("dl", { class: "facts" }, pairs.map(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]));
}

function sizes(topn, params) {
  const links = SIZES.map((size) =>
    element("a", {
      href: address("neighbors", changed(params, { topn: size === SIZES[0] ? null : size })),
      "aria-current": size === topn ? "true" : null,
    }, String(size)));
  return element("p", { class: "row pick", role: "group", "aria-label": "How many" }, element("span", { class: "quiet" }, "Show"), links);
}

function ways(word, app) {
  const model = app.model || null;
  const links = [element("a", { href: address("map", { word, model }) }, "See it on the map")];
  if (app.models.length > 1) links.push(element("a", { href: address("compare", { word }) }, "Compare both models"));
  links.push(element("a", { href: address("analogy", { plus: word, model }) }, "Begin an analogy with it"));
  return links.map((link) => element("span", {}, link));
}
