// Arithmetic with words: the raw ranking with the inputs in it beside the usual one, 3CosAdd beside 3CosMul.

import { ask, turns } from "./api.js";
import { chips } from "./chips.js";
import { announce, element } from "./dom.js";
import { orExplain } from "./errors.js";
import { exportButtons } from "./export.js";
import { rankingTable, rankingsCsv, rankingsSvg } from "./ranking.js";
import { address, changed, go } from "./route.js";
import { decimal, shown, visible, wordNode } from "./words.js";

const EXAMPLES = [
  { plus: ["king", "woman"], minus: ["man"] },
  { plus: ["father", "daughter"], minus: ["son"] },
];

/** Open the view in `host`. */
export function open(host, app) {
  const turn = turns();
  let params = new URLSearchParams();
  const put = (name) => (words) => go("analogy", changed(params, { [name]: words }));
  const model = () => app.model;
  const plus = chips({ label: "Add", placeholder: "+ word", onChange: put("plus"), model });
  const minus = chips({ label: "Take away", placeholder: "− word", onChange: put("minus"), model });
  const answer = element("div", { class: "answer" });
  host.append(
    element("h1", {}, "Analogy"),
    element("p", { class: "lead" }, "Add words and take words away; what lies nearest to the result? Most programs leave your own words out of the answer without saying so."),
    element("div", { class: "fields" }, plus.node, minus.node),
    answer,
  );
  return {
    async update(next) {
      params = next;
      const signal = turn();
      const given = { plus: params.getAll("plus"), minus: params.getAll("minus") };
      plus.set(given.plus);
      minus.set(given.minus);
      if (!given.plus.length) return void answer.replaceChildren(...examples(app, given.minus));
      const replace = (unknown, word) => {
        const mended = (words) => words.map((one) => (one === unknown ? word : one));
        go("analogy", changed(params, { plus: mended(given.plus), minus: mended(given.minus) }));
      };
      await orExplain(answer, replace, async () => {
        const found = await ask("analogy", { positive: given.plus, negative: given.minus, topn: 10, model: app.model }, signal);
        answer.replaceChildren(...draw(found, app));
        announce(visible(found.note));
      });
    },
    close: turn.end,
  };
}

function examples(app, minus) {
  const links = EXAMPLES.map((example) =>
    element("span", {}, element("a", { href: address("analogy", { ...example, model: app.model || null }) }, equation(example.plus, example.minus))));
  return [
    minus.length ? element("p", { class: "note" }, "An analogy needs a word to add.") : null,
    element("p", { class: "ways" }, "For example ", links),
  ].filter(Boolean);
}

/** "king − man + woman": the second word added comes last, as people say it. */
function equation(plus, minus) {
  const [first, ...rest] = plus.map((word) => shown(word, 24));
  const taken = minus.map((word) => `− ${shown(word, 24)}`);
  return [first, ...taken, ...rest.map((word) => `+ ${word}`)].filter((part) => part !== undefined).join(" ");
}

function draw(found, app) {
  const title = equation(found.positive, found.negative);
  const link = (word) => address("neighbors", { word, model: app.model || null });
  const entry = (value) => (one) => ({ word: one.word, value: one[value], flag: one.input ? "input" : null, href: link(one.word) });
  const rankings = [
    { title: "Raw, inputs included", score: "cosine", entries: found.raw.map(entry("cosine")) },
    { title: "Usual, inputs left out (3CosAdd)", score: "cosine", entries: found.filtered.map(entry("cosine")) },
    { title: "Multiplied, inputs left out (3CosMul)", score: "score", entries: (found.mul ?? []).map(entry("score")) },
  ].filter((ranking) => ranking.entries.length);
  return [
    element("h2", { class: "equation" }, title),
    element("p", { class: "note" }, visible(found.note)),
    verdict(found),
    element("div", { class: "rankings" }, rankings.map((ranking) => element("div", { class: "scroll" }, rankingTable(ranking)))),
    exportButtons(`analogy ${title}`, { svg: () => rankingsSvg(rankings, title), csv: () => rankingsCsv(rankings) }),
  ].filter(Boolean);
}

/** Say whether both ways agree, and by how much the first answer leads. */
function verdict(found) {
  const add = found.filtered[0]?.word;
  const mul = found.mul?.[0]?.word;
  if (add === undefined || mul === undefined) return null;
  const { add: added, mul: multiplied } = found.margin;
  const leads = Number.isFinite(added) && Number.isFinite(multiplied)
    ? ` 3CosAdd’s first answer leads by ${decimal(added)}, 3CosMul’s by ${decimal(multiplied)}.`
    : null;
  const agree = add === mul
    ? ["3CosAdd and 3CosMul agree on ", wordNode(add, 24), "."]
    : ["3CosAdd answers ", wordNode(add, 24), ", 3CosMul ", wordNode(mul, 24), ": the method decides."];
  return element("p", {}, agree, leads);
}
