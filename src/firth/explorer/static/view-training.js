// How a model was trained, or is being trained: the loss, the speed, the options, the corpus.

import { ask, listen, turns } from "./api.js";
import { chips } from "./chips.js";
import { element, onceAFrame } from "./dom.js";
import { orExplain } from "./errors.js";
import { exportButtons } from "./export.js";
import { lineChart } from "./line-chart.js";
import { rankingTable } from "./ranking.js";
import { address, changed, go } from "./route.js";
import { decimal, shown, whole, wordNode } from "./words.js";

const WIDEST = 1100, NARROWEST = 340;
const PINNED_NEIGHBORS = 8;
const GONE = "firth does not answer any more: the run has ended, or was stopped. This is the last that it told.";

/** Open the view in `host`. */
export function open(host, app) {
  const turn = turns();
  let params = new URLSearchParams();
  let deaf = () => {};
  let reports = [];
  let epochs = NaN; // that the run will have
  const summary = element("dl", { class: "facts wide" });
  const curve = element("div", { class: "figure" });
  const small = element("div", { class: "figures" });
  const pins = element("section", { class: "pins" });
  const record = element("div", { class: "record" });
  const saves = element("div", {});
  const pinned = chips({
    label: "Pinned words",
    placeholder: "pin a word",
    onChange: (words) => go("training", changed(params, { pin: words })),
    model: () => app.model,
  });
  const trouble = element("div", {});
  const answer = element("div", { class: "answer" }, trouble, summary, curve, small, saves, pins, record);
  host.append(element("h1", {}, app.watching ? "Training, live" : "Training"), answer);

  const draw = onceAFrame(() => {
    if (!reports.length || !curve.isConnected) return;
    const width = Math.round(Math.min(WIDEST, Math.max(NARROWEST, answer.clientWidth)));
    const half = width > 700 ? Math.floor((width - 24) / 2) : width;
    curve.replaceChildren(lossChart(reports, width));
    small.replaceChildren(...smallCharts(reports, half));
    summary.replaceChildren(...state(reports, epochs));
  });
  const observer = new ResizeObserver(draw);
  observer.observe(answer);

  async function begin(signal) {
    const found = await ask("training", { model: app.model }, signal);
    reports = found.reports ?? [];
    epochs = found.config?.options?.epochs;
    trouble.replaceChildren();
    summary.replaceChildren();
    summary.hidden = !reports.length && !app.watching; // its room is kept only for what will come
    record.replaceChildren(...tables(found, app.watching ? ["timing"] : []));
    saves.replaceChildren(...(reports.length ? [saveButtons(() => reports, () => curve.firstElementChild)] : []));
    if (!reports.length) {
      curve.replaceChildren(element("p", { class: "note" },
        app.watching ? "The first report comes in a moment." : "This model carries no record of its training."));
      small.replaceChildren();
    }
    draw();
    await showPins(signal);
  }

  async function showPins(signal) {
    const words = params.getAll("pin");
    pinned.set(words);
    if (!app.watching) return void pins.replaceChildren();
    const cells = words.map((word) => element("div", { class: "pin" }, element("p", { class: "quiet" }, wordNode(word), " …")));
    pins.replaceChildren(
      element("h2", {}, "Neighbours of pinned words"),
      element("p", { class: "quiet" }, "They change with every report: pin a word and watch it find its company."),
      pinned.node,
      element("div", { class: "rankings" }, cells),
    );
    await Promise.all(words.map((word, place) => {
      const replace = (_, other) => go("training", changed(params, { pin: words.with(place, other) }));
      return orExplain(cells[place], replace, async () =>
        putPins((await ask("neighbors", { word, topn: PINNED_NEIGHBORS, model: app.model }, signal)).results));
    }));
  }

  function putPins(answers) {
    const cells = pins.querySelectorAll(".pin");
    params.getAll("pin").forEach((word, place) => {
      const found = answers.find((answer) => answer.word === word);
      if (!found || !cells[place]) return;
      const before = new Set(cells[place].words ?? []);
      const entries = found.neighbors.slice(0, PINNED_NEIGHBORS).map((entry) => ({
        word: entry.word,
        value: entry.cosine,
        flag: before.size && !before.has(entry.word) ? "new" : null,
        href: address("neighbors", { word: entry.word }),
      }));
      cells[place].words = entries.map((entry) => entry.word);
      cells[place].replaceChildren(rankingTable({ title: shown(word), score: "cosine", entries }));
    });
  }

  async function follow(event) {
    if (event.reports > reports.length + 1) reports = (await ask("training", { model: app.model }, turn.current())).reports;
    else if (event.reports > reports.length) reports.push(event.report);
    draw();
    putPins(event.neighbors);
    if (event.watching) return;
    deaf();
    location.reload(); // the run has ended: the page is now about the finished model
  }

  return {
    async update(next) {
      params = next;
      deaf();
      await orExplain(trouble, null, () => begin(turn()));
      if (app.watching) {
        const values = { pin: params.getAll("pin"), model: app.model || null };
        deaf = listen(values, { training: (event) => orExplain(trouble, null, () => follow(event)) }, (connected) =>
          trouble.replaceChildren(...(connected ? [] : [element("p", { class: "note error", role: "alert" }, GONE)])));
      }
    },
    close() {
      deaf();
      turn.end();
      observer.disconnect();
    },
  };
}

function lossChart(reports, width) {
  const points = reports.map((report) => ({ x: report.epoch, y: report.loss }));
  return lineChart(points, { title: "Loss", yName: "nats per pair, mean", xName: "epochs", width, height: Math.round(Math.max(280, width * 0.34)) });
}

function smallCharts(reports, width) {
  const of = (key) => reports.map((report) => ({ x: report.epoch, y: report[key] }));
  const options = { xName: "epochs", width, height: 220, fromZero: true };
  return [
    lineChart(of("words_per_second"), { ...options, title: "Speed", yName: "raw words/s" }),
    lineChart(of("alpha"), { ...options, title: "Learning rate", yName: "alpha" }),
  ];
}

function state(reports, epochs) {
  const last = reports.at(-1);
  const timed = reports.findLast((report) => Number.isFinite(report.words_per_second)); // threads may end a part together
  const facts = [
    ["Epochs", decimal(last.epoch, 2) + (last.epoch < epochs ? ` of ${epochs}` : "")],
    ["Loss now", `${decimal(last.loss, 3)} nats per pair`],
    ["Words read", whole(last.words)],
    ["Words a second", whole(timed?.words_per_second)],
    ["Time", `${decimal(last.seconds, 1)} s`],
  ];
  return facts.flatMap(([name, value]) => [element("div", {}, element("dt", {}, name), element("dd", {}, value))]);
}

/** What the model says of itself, group by group: options, corpus, timing, versions; not what is `moving`. */
function tables({ config }, moving) {
  const groups = Object.entries(config ?? {}).filter(([name, value]) => isGroup(value) && !moving.includes(name));
  return groups.map(([name, group]) => element("section", {},
    element("h2", {}, name.replaceAll("_", " ")),
    element("dl", { class: "facts" }, Object.entries(group).map(([key, value]) => [
      element("dt", {}, key.replaceAll("_", " ")),
      element("dd", {}, written(value)),
    ]))));
}

function isGroup(value) {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

function written(value) {
  if (typeof value === "number") {
    return Number.isInteger(value) || Math.abs(value) >= 1000 ? value.toLocaleString("en", { maximumFractionDigits: 1 }) : String(value);
  }
  if (value === null) return "–";
  if (Array.isArray(value)) return value.map((part) => shown(String(part), 200)).join(", ");
  return shown(typeof value === "object" ? JSON.stringify(value) : String(value), 200);
}

function saveButtons(reports, chart) {
  const columns = () => [...new Set(reports().flatMap((report) => Object.keys(report)))];
  return exportButtons("training", {
    svg: chart,
    csv: () => ({ columns: columns(), rows: reports().map((report) => columns().map((name) => report[name] ?? "")) }),
  });
}
