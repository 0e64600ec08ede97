// The map: fetches it, keeps its state in the address, and follows a better one that is being made.

import { ask, listen, turns } from "./api.js";
import { announce, element, whenQuiet } from "./dom.js";
import { errorNote } from "./errors.js";
import { MODES } from "./map-colors.js";
import { fetchMap, finder } from "./map-data.js";
import { mapPanel } from "./map-panel.js";
import { mapStage } from "./map-stage.js";
import { changed, go, note, parse } from "./route.js";
import { listed, shown, whole } from "./words.js";

const CLOSEST = 40, ROOMY = 0.35; // zoom at which a searched word is shown; share of the stage its neighbours take
const SETTLED = 250; // milliseconds without a move

/** Open the view in `host`. */
export function open(host, app) {
  const turn = turns();
  const turnOfMap = turns();
  let params = parse(location.hash).params;
  let state = null;
  let data = null;
  let find = () => undefined;
  let model = null; // whose map is shown
  let deaf = () => {};
  let marked = null; // the word whose neighbours are marked
  let here = location.hash; // the address that is drawn

  const put = (values) => go("map", changed(params, values));
  const panel = mapPanel({ stage: () => stage, onMode: (mode) => put({ color: mode === "frequency" ? null : mode, at: stage.camera.written() }) });
  const stage = mapStage({
    canvasOnly: params.get("renderer") === "canvas",
    help: panel.help,
    onSelect: (point) => put({ word: data.words[point], at: stage.camera.written() }),
    onClear: () => params.get("word") !== null && put({ word: null, at: stage.camera.written() }),
    onMove: () => settled(),
    tell: (point) => [
      shown(data.words[point], 40),
      `${whole(point + 1)}${ordinal(point + 1)} by frequency`,
      data.measured ? `${data.near[point]} of ${data.k} true neighbours near it` : null,
    ].filter(Boolean),
  });
  const trouble = element("div", { class: "trouble" });
  host.append(element("h1", { class: "unseen" }, "Map"), element("div", { class: "map" }, element("div", { class: "stage-box" }, stage.node, trouble), panel.node));
  const retheme = () => panel.drawLegend(modeOf(params));
  addEventListener("firth:theme", retheme);

  const settled = whenQuiet(SETTLED, () => {
    if (!data || !stage.node.isConnected) return;
    if (location.hash === here) { // else someone has gone on, and what they came to is about to be drawn
      params = changed(params, { at: stage.camera.written() });
      note("map", params);
      here = location.hash;
    }
    drawTrust();
  });
  const drawTrust = () => panel.drawTrust({
    data, sentences: state.sentences, definition: state.definition, sight: stage.inSight(),
  });

  /** Take the server's word on where the map stands; fetch a version that is new. */
  async function follow(next) {
    state = next;
    panel.drawProgress(state);
    if (!state.points || data?.version === state.version) return;
    const first = data === null;
    const fetched = await fetchMap(state, model, turnOfMap());
    data = fetched;
    find = finder(data);
    marked = null;
    stage.setData(data, { moving: !first });
    if (first) stage.whenDrawn(() => performance.mark("firth:map"));
    else announce("A better map has arrived");
    await showWord(turn());
    drawTrust();
  }

  async function load() {
    model = app.model;
    data = null;
    deaf();
    panel.drawSaves("map", model);
    await follow(await ask("map", { model }, turnOfMap()));
    if (state.state === "computing") {
      deaf = listen({ model: model || null }, {
        map: (event) => {
          if ((event.model ?? model) !== model) return;
          if (event.state !== "computing") deaf();
          follow(event).catch(fail);
        },
      });
    }
  }

  /** Mark the word of the address and its neighbours, and go there unless the address says where to look. */
  async function showWord(signal) {
    const word = params.get("word");
    if (!data || word === marked) return;
    marked = word;
    trouble.replaceChildren();
    if (word === null) {
      stage.setMarks([]);
      return panel.drawWord(null);
    }
    const { results } = await ask("neighbors", { word, topn: data.k, model }, signal);
    const chosen = { word, point: find(word), neighbors: results[0].neighbors };
    const around = chosen.neighbors.map((entry) => find(entry.word)).filter((point) => point !== undefined);
    stage.setMarks(chosen.point === undefined ? [] : [chosen.point, ...around]);
    panel.drawWord({ ...chosen, data, find, model: model || null });
    if (chosen.point === undefined) return;
    announce(`${shown(word)}: ${data.measured ? data.near[chosen.point] : "an unknown number"} of ${data.k} true neighbours are near it on the map. They are ${listed(chosen.neighbors.map((entry) => entry.word))}`);
    if (!params.has("at")) stage.lookAt(viewOf(chosen.point, around));
  }

  /** Return where to look so that a word is in the middle and half of its neighbours are in sight. */
  function viewOf(point, around) {
    const { camera } = stage;
    const far = around.map((other) => Math.hypot(data.x[other] - data.x[point], data.y[other] - data.y[point])).sort((a, b) => a - b);
    const reach = far[Math.floor(far.length / 2)] || 0.05;
    const scale = (ROOMY * Math.min(camera.width, camera.height)) / reach;
    return { x: data.x[point], y: data.y[point], scale: Math.min(Math.max(scale, 1.2 * camera.fitting), CLOSEST * camera.fitting) };
  }

  function fail(error) {
    if (error.name === "AbortError") return;
    if (!(error.status >= 0)) console.error(error);
    stage.setMarks([]);
    panel.drawWord(null);
    trouble.replaceChildren(errorNote(error, (_, word) => put({ word, at: null })));
  }

  return {
    async update(next) {
      params = next;
      here = location.hash;
      const signal = turn();
      panel.drawLegend(modeOf(params));
      stage.setMode(modeOf(params));
      try {
        if (model !== app.model) await load();
        else await showWord(signal);
        const asked = stage.camera.read(params.get("at"));
        if (data && params.get("at") !== stage.camera.written()) {
          if (asked) stage.lookAt(asked);
          else if (params.get("word") === null) stage.lookAt(stage.camera.whole);
        }
      } catch (error) {
        fail(error);
      }
    },
    close() {
      deaf();
      settled.cancel();
      turn.end();
      turnOfMap.end();
      stage.close();
      removeEventListener("firth:theme", retheme);
    },
  };
}

function modeOf(params) {
  return Object.hasOwn(MODES, params.get("color") ?? "") ? params.get("color") : "frequency";
}

function ordinal(number) {
  const tens = number % 100;
  if (tens > 10 && tens < 14) return "th";
  return ["th", "st", "nd", "rd"][number % 10] ?? "th";
}
