// A field for one word, with completion as one types (the ARIA combobox pattern with a list box).

import { ask, turns } from "./api.js";
import { element, whenQuiet } from "./dom.js";
import { shown, whole, wordNode } from "./words.js";

const WAIT = 40; // milliseconds without a key before the server is asked
let made = 0;

/**
 * Return `{node, input}`.
 *
 * @param {object} options
 * @param {string} options.label what a screen reader calls the field
 * @param {string} options.placeholder
 * @param {(word: string) => void} options.onPick a word was chosen, or typed in full and entered
 * @param {() => number} options.model number of the model whose words are offered
 */
export function combobox({ label, placeholder, onPick, model }) {
  const id = `words-${++made}`;
  const list = element("ul", { id, role: "listbox", class: "options", "aria-label": label, hidden: true });
  const input = element("input", {
    type: "text",
    role: "combobox",
    "aria-label": label,
    "aria-autocomplete": "list",
    "aria-expanded": "false",
    "aria-controls": id,
    placeholder,
    maxlength: 1000,
    autocomplete: "off",
    autocapitalize: "off",
    autocorrect: "off",
    spellcheck: "false",
    enterkeyhint: "search",
  });
  const node = element("div", { class: "combobox" }, input, list);
  const turn = turns();
  let active = -1;

  const options = () => [...list.querySelectorAll("[role=option]")];
  /** What was typed; spaces around it came with a copy, unless the model has just such a word. */
  const typed = () => (options().some(({ word }) => word === input.value) ? input.value : input.value.trim());
  const close = () => {
    list.hidden = true;
    active = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  };
  const stop = () => {
    later.cancel();
    turn.end();
    close();
  };
  const pick = (word) => {
    stop();
    onPick(word);
  };

  const activate = (index) => {
    const all = options();
    active = all.length ? (index + all.length) % all.length : -1;
    all.forEach((option, place) => option.setAttribute("aria-selected", String(place === active)));
    if (active < 0) return;
    all[active].scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", all[active].id);
  };

  const show = ({ words, spelling }) => {
    const entries = words.length ? words : spelling.map((word) => ({ word }));
    const rows = entries.map(({ word, count }, place) => {
      const option = element(
        "li",
        { role: "option", id: `${id}-${place}`, "aria-selected": "false" },
        wordNode(word, 40),
        Number.isFinite(count) ? element("span", { class: "quiet number" }, whole(count)) : null,
      );
      option.addEventListener("pointerdown", (event) => event.preventDefault()); // keeps the focus in the field
      option.addEventListener("click", () => pick(word));
      option.word = word;
      return option;
    });
    if (!words.length && rows.length) {
      rows.unshift(element("li", { role: "presentation", class: "hint" }, "No word begins so. Nearest spelling:"));
    }
    list.replaceChildren(...rows);
    active = -1;
    input.removeAttribute("aria-activedescendant");
    list.hidden = !rows.length;
    input.setAttribute("aria-expanded", String(rows.length > 0));
  };

  const complete = async () => {
    if (input.value === "") return close();
    try {
      const found = await ask("complete", { q: input.value, limit: 12, model: model() }, turn());
      if (document.activeElement === input) show(found);
    } catch {
      close(); // whoever typed the word in full gets on without completion
    }
  };
  const later = whenQuiet(WAIT, complete);

  const keys = {
    ArrowDown: () => (list.hidden ? complete() : activate(active + 1)),
    ArrowUp: () => activate(active < 0 ? -1 : active - 1),
    Enter: () => {
      if (active >= 0) pick(options()[active].word);
      else if (typed() !== "") pick(typed());
    },
    Escape: () => {
      if (!list.hidden) stop();
      else if (input.value !== "") input.value = "";
      else input.blur();
    },
  };
  input.addEventListener("input", later);
  input.addEventListener("blur", stop);
  input.addEventListener("keydown", (event) => {
    if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    const act = keys[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
  return { node, input };
}

/** Put a word into the search field as it is read, not as markup of any kind. */
export function setWord(input, word) {
  if (document.activeElement !== input) input.value = word ?? "";
  input.title = word === null ? "" : shown(word, 400);
}
