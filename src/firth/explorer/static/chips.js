// A list of words that is grown with a search field and shrunk word by word.

import { combobox } from "./combobox.js";
import { element } from "./dom.js";
import { shown, wordNode } from "./words.js";

/**
 * Return `{node, set(words)}`.
 *
 * @param {object} options
 * @param {string} options.label what the list is: "Add", "Pole"
 * @param {string} options.placeholder
 * @param {(words: string[]) => void} options.onChange gets the new list; the caller calls `set` when it holds
 * @param {() => number} options.model
 */
export function chips({ label, placeholder, onChange, model }) {
  let words = [];
  const box = combobox({
    label: `${label}: add a word`,
    placeholder,
    model,
    onPick: (word) => {
      box.input.value = "";
      if (!words.includes(word)) onChange([...words, word]);
    },
  });
  box.input.addEventListener("keydown", (event) => {
    if (event.key === "Backspace" && box.input.value === "" && words.length) onChange(words.slice(0, -1));
  });
  const list = element("ul", { class: "chips" });
  const node = element("fieldset", { class: "chip-field" }, element("legend", {}, label), list, box.node);
  return {
    node,
    set(next) {
      words = next;
      list.replaceChildren(...words.map((word, place) => {
        const take = () => {
          onChange(words.filter((_, other) => other !== place));
          box.input.focus();
        };
        return element("li", { class: "chip" }, wordNode(word, 24),
          element("button", { type: "button", "aria-label": `Remove ${shown(word)}`, on: { click: take } }, "×"));
      }));
    },
  };
}
