// The frame: which view is open, the search above it, the keys that work everywhere.

import { ask } from "./api.js";
import { combobox, setWord } from "./combobox.js";
import { element } from "./dom.js";
import { errorNote } from "./errors.js";
import { address, changed, go, note, parse } from "./route.js";
import { shown, whole } from "./words.js";

const VIEWS = {
  neighbors: { name: "Neighbours", load: () => import("./view-neighbors.js"), ofAWord: true },
  map: { name: "Map", load: () => import("./view-map.js"), ofAWord: true },
  analogy: { name: "Analogy", load: () => import("./view-analogy.js") },
  axes: { name: "Axes", load: () => import("./view-axes.js") },
  compare: { name: "Compare", load: () => import("./view-compare.js"), ofAWord: true, pair: true },
  training: { name: "Training", load: () => import("./view-training.js") },
};

const host = document.getElementById("view");
const nav = document.getElementById("nav");
let app = null;
let open = null; // the view that is on the page: {name, view}
let about = null; // the view and the word that the page is about

/** Return the number of the model that the address asks for. */
function modelOf(params) {
  return params.get("model") === "1" && app.models.length > 1 ? 1 : 0;
}

async function start() {
  const { models, watching, version } = await ask("models");
  app = { models, watching, version, model: 0, describe: () => models[app.model] };
  const search = combobox({
    label: "Search a word",
    placeholder: "Search a word   /",
    model: () => app.model,
    onPick: (word) => {
      const { view, params } = parse(location.hash);
      const into = VIEWS[view]?.ofAWord ? view : "neighbors";
      const kept = into === view ? params : new URLSearchParams();
      go(into, changed(kept, { word, at: null, model: app.model || null }));
      search.input.blur();
      host.focus({ preventScroll: true });
    },
  });
  app.search = search.input;
  document.getElementById("search").append(search.node);
  addEventListener("hashchange", show);
  addEventListener("keydown", keys);
  document.getElementById("skip").addEventListener("click", (event) => {
    event.preventDefault(); // the hash holds the state
    host.focus();
  });
  if (app.watching && !location.hash) note("training", {}); // the address that firth train prints
  await show();
}

function keys(event) {
  const field = event.target.closest?.("input, textarea, select");
  if (event.key === "/" && !field && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    app.search.focus();
    app.search.select();
  }
}

/** Draw what the address says. */
async function show() {
  const route = parse(location.hash);
  const asked = location.hash;
  const name = VIEWS[route.view] && !(VIEWS[route.view].pair && app.models.length < 2) ? route.view : "neighbors";
  const subject = `${name} ${route.params.get("word")}`;
  // An entry that was drawn before is come back to, and the browser puts the page where it was.
  const again = history.state?.drawn === true;
  history.replaceState({ drawn: true }, "");
  const held = [host, nav].some((part) => part.contains(document.activeElement));
  app.model = modelOf(route.params);
  frame(name, route.params);
  try {
    const module = await VIEWS[name].load();
    if (location.hash !== asked) return; // someone went on meanwhile: that call draws
    if (open?.name !== name) {
      open?.view.close?.();
      host.replaceChildren();
      host.className = `view-${name}`;
      open = { name, view: module.open(host, app) };
    }
    await open.view.update(route.params);
    if (subject !== about && !again) scrollTo(0, 0);
    about = subject;
  } catch (error) {
    console.error(error);
    host.replaceChildren(errorNote(error));
  }
  // Who came by keyboard goes on from what has replaced the link, not from the top of the page.
  if (held && document.activeElement === document.body) host.focus({ preventScroll: true });
  if (!performance.getEntriesByName("firth:useful").length) performance.mark("firth:useful");
}

function frame(name, params) {
  const word = VIEWS[name].ofAWord ? params.get("word") : null;
  document.title = [word === null ? null : shown(word), VIEWS[name].name, "firth"].filter(Boolean).join(" · ");
  setWord(app.search, word);
  const links = Object.entries(VIEWS)
    .filter(([, view]) => !view.pair || app.models.length > 1)
    .map(([key, view]) => {
      const carried = { word: view.ofAWord ? word : null, model: view.pair ? null : app.model || null };
      return element("a", { href: address(key, carried), "aria-current": key === name ? "page" : null }, view.name);
    });
  nav.replaceChildren(...links);
  bringIntoRow(nav.querySelector("[aria-current]"));
  document.getElementById("model").replaceChildren(modelPlate(name, params));
}

/** Scroll the row of views sideways, and the page not at all. */
function bringIntoRow(link) {
  const row = nav.getBoundingClientRect(), place = link.getBoundingClientRect();
  nav.scrollLeft += Math.max(0, place.right - row.right) - Math.max(0, row.left - place.left);
}

function modelPlate(name, params) {
  if (app.models.length < 2) {
    const { name: title, words, vector_size: size } = app.models[0];
    return element("span", { class: "plate", title: shown(title, 200) }, `${shown(title, 24)} · ${whole(words)} × ${size}`);
  }
  if (VIEWS[name].pair) {
    return element("span", { class: "plate" }, app.models.map((model) => shown(model.name, 16)).join(" | "));
  }
  const select = element(
    "select",
    { "aria-label": "Model", on: { change: () => go(name, changed(params, { model: select.value === "0" ? null : 1, at: null })) } },
    app.models.map((model, index) =>
      element("option", { value: index, selected: index === app.model }, shown(model.name, 24)),
    ),
  );
  return select;
}

start().catch((error) => host.replaceChildren(errorNote(error)));
