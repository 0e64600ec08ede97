// Two models: the neighbours of a word side by side, and the words whose neighbours differ most.

import { ask, turns } from "./api.js";
import { announce, element } from "./dom.js";
import { orExplain } from "./errors.js";
import { exportButtons } from "./export.js";
import { rankingTable, rankingsCsv, rankingsSvg } from "./ranking.js";
import { address, changed, go } from "./route.js";
import { shown, whole, wordLink, wordNode } from "./words.js";

const NEAREST = 10, LISTED = 100;

/** Open the view in `host`. */
export function open(host, app) {
  const turn = turns();
  const names = app.models.map((model) => shown(model.name, 40));
  const answer = element("div", { class: "answer" });
  const differences = element("div", { class: "differences" });
  host.append(
    element("h1", {}, "Compare"),
    element("p", { class: "lead" }, `${names.join(" and ")}: what each puts near a word, and where they disagree.`),
    answer,
    differences,
  );
  const list = turns();
  orExplain(differences, null, async () => {
    differences.replaceChildren(element("p", { class: "quiet" }, "Comparing the neighbourhoods of all shared words…"));
    differences.replaceChildren(...mostDifferent(await ask("compare/differences", { limit: LISTED }, list()), names));
  });
  return {
    async update(params) {
      const signal = turn();
      const word = params.get("word");
      if (word === null) return void answer.replaceChildren(element("p", { class: "note" }, "Search a word, or take one from the list."));
      const replace = (_, other) => go("compare", changed(params, { word: other }));
      await orExplain(answer, replace, async () => {
        answer.replaceChildren(...sideBySide(await ask("compare/word", { word, topn: NEAREST }, signal), names));
      });
    },
    close() {
      turn.end();
      list.end();
    },
  };
}

function sideBySide(found, names) {
  const shared = new Set(found.shared);
  const rankings = [found.a, found.b].map((entries, index) => ({
    title: names[index],
    score: "cosine",
    entries: entries.map((entry) => ({
      word: entry.word,
      value: entry.cosine,
      flag: shared.has(entry.word) ? "both" : null,
      href: address("compare", { word: entry.word }),
    })),
  }));
  const title = `Nearest to ${shown(found.word)} in two models`;
  announce(`${shown(found.word)}: ${shared.size} of ${NEAREST} neighbours in both models`);
  return [
    element("h2", {}, wordNode(found.word)),
    element("p", {}, element("strong", {}, `${shared.size} of ${NEAREST}`), " neighbours are the same in both models."),
    element("div", { class: "rankings" }, rankings.map((ranking) => element("div", { class: "scroll" }, rankingTable(ranking)))),
    exportButtons(`compare ${found.word}`, { svg: () => rankingsSvg(rankings, title), csv: () => rankingsCsv(rankings) }),
  ];
}

function mostDifferent(found, names) {
  const rows = found.words.map((entry) => element("tr", {},
    element("th", { scope: "row" }, wordLink(entry.word, address("compare", { word: entry.word }))),
    element("td", { class: "number" }, `${entry.overlap} of ${NEAREST}`),
    element("td", { class: "number count" }, whole(entry.count))));
  return [
    element("h2", {}, "Words whose neighbours differ most"),
    element("p", { class: "quiet" }, `By the overlap of the ${NEAREST} nearest, among the ${whole(found.shared_words)} words that both models know.`),
    element("div", { class: "scroll tall", tabindex: "0", role: "region", "aria-label": "Words whose neighbours differ most" },
      element("table", { class: "plain" },
        element("thead", {}, element("tr", {},
          element("th", { scope: "col" }, "word"),
          element("th", { scope: "col", class: "number" }, "shared"),
          element("th", { scope: "col", class: "number count" }, "count"))),
        element("tbody", {}, rows))),
    exportButtons(`differences ${names.join(" ")}`, {
      csv: () => ({ columns: ["word", "overlap", "count"], rows: found.words.map((entry) => [entry.word, entry.overlap, entry.count ?? ""]) }),
    }),
  ];
}
