// Words in the order of their score, each with a bar: as a table on the page, as SVG for a file.

import { element, svg } from "./dom.js";
import { decimal, shown, whole, wordLink } from "./words.js";

const ROW = 26, NAME = 190, BAR = 260, SCORE = 70, GAP = 40, HEAD = 62;

/**
 * A ranking is `{title, score, entries: [{word, value, href, count?, flag?}]}`: `score` names the values, a
 * `flag` is a short remark such as "input". Bars begin at 0; below it there is none, and the number tells.
 */
export function rankingTable(ranking) {
  const counts = ranking.entries.some((entry) => Number.isFinite(entry.count));
  const longest = longestBar(ranking.entries);
  const head = element(
    "tr",
    {},
    element("th", { scope: "col", class: "place" }, element("span", { class: "unseen" }, "place")),
    element("th", { scope: "col" }, "word"),
    element("th", { scope: "col", class: "bar-cell", "aria-hidden": "true" }),
    element("th", { scope: "col", class: "number" }, ranking.score),
    counts ? element("th", { scope: "col", class: "number count" }, "count") : null,
  );
  const rows = ranking.entries.map((entry, index) => {
    const bar = element("span", { class: "bar" });
    bar.style.width = `${(100 * Math.max(entry.value, 0)) / longest}%`;
    return element(
      "tr",
      {},
      element("td", { class: "place number" }, String(index + 1)),
      element("th", { scope: "row" }, wordLink(entry.word, entry.href), entry.flag ? element("span", { class: "flag" }, entry.flag) : null),
      element("td", { class: "bar-cell", "aria-hidden": "true" }, bar),
      element("td", { class: "number" }, decimal(entry.value)),
      counts ? element("td", { class: "number count" }, whole(entry.count)) : null,
    );
  });
  return element(
    "table",
    { class: "ranking" },
    element("caption", {}, ranking.title),
    element("thead", {}, head),
    element("tbody", {}, rows),
  );
}

/** Cosines share a scale up to 1, so that two words can be compared; other scores fill the width. */
function longestBar(entries) {
  return Math.max(1, ...entries.map((entry) => entry.value));
}

/** Return rankings side by side as one picture. */
export function rankingsSvg(rankings, title) {
  const longest = Math.max(...rankings.map((ranking) => ranking.entries.length), 1);
  const width = rankings.length * (NAME + BAR + SCORE + GAP) + GAP;
  const height = HEAD + longest * ROW + 24;
  const columns = rankings.map((ranking, column) => {
    const left = GAP / 2 + column * (NAME + BAR + SCORE + GAP);
    const scale = BAR / longestBar(ranking.entries);
    const rows = ranking.entries.map((entry, index) => {
      const top = HEAD + index * ROW;
      return [
        svg("text", { x: left + NAME - 10, y: top + 16, class: "chart-name" }, nameOf(entry)),
        svg("rect", { x: left + NAME, y: top + 4, width: Math.max(entry.value, 0) * scale, height: ROW - 9, class: "chart-bar" }),
        svg("text", { x: left + NAME + Math.max(entry.value, 0) * scale + 6, y: top + 16, class: "chart-value" }, decimal(entry.value, 3)),
      ];
    });
    return [svg("text", { x: left + NAME, y: HEAD - 12, class: "chart-value" }, rankings.length > 1 ? `${ranking.title} (${ranking.score})` : ranking.score), rows];
  });
  return svg(
    "svg",
    { viewBox: `0 0 ${width} ${height}`, width, height, class: "chart", role: "img", "aria-label": title },
    svg("text", { x: GAP / 2, y: 26, class: "chart-title" }, title),
    columns,
  );
}

function nameOf(entry) {
  return entry.flag ? `${shown(entry.word, 16)} (${entry.flag})` : shown(entry.word, 24);
}

/** Return rankings as one table for a CSV file. */
export function rankingsCsv(rankings) {
  return {
    columns: ["ranking", "place", "word", "score", "value", "count", "remark"],
    rows: rankings.flatMap((ranking) =>
      ranking.entries.map((entry, index) => [
        ranking.title, index + 1, entry.word, ranking.score, entry.value, entry.count ?? "", entry.flag ?? "",
      ]),
    ),
  };
}
