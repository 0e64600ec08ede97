// What went wrong, in the page's own words, with the way on.

import { element } from "./dom.js";
import { shown } from "./words.js";

/**
 * Return a note about an error. Where the model does not know a word, the nearest spellings are buttons:
 * `replace(unknown, spelling)` is called with the one that was meant.
 */
export function errorNote(error, replace) {
  const note = element("div", { class: "note error", role: "alert" }, element("p", {}, sentence(error.message)));
  if (error.spelling?.length && replace) {
    const buttons = error.spelling.map((word) =>
      element("button", { type: "button", on: { click: () => replace(error.word, word) } }, element("bdi", {}, shown(word))),
    );
    note.append(element("p", { class: "row" }, "Did you mean ", buttons));
  }
  return note;
}

function sentence(text) {
  const begun = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.?!…]$/u.test(begun) ? begun : `${begun}.`;
}

/** Run `work`; put what goes wrong in the place of `host`'s content. An ended question is no error. */
export async function orExplain(host, replace, work) {
  host.setAttribute("aria-busy", "true");
  try {
    await work();
  } catch (error) {
    if (error.name === "AbortError") return;
    if (!(error.status >= 0)) console.error(error);
    host.replaceChildren(errorNote(error, replace));
  }
  host.removeAttribute("aria-busy");
}
