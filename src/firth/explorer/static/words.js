// A word as people see it. A vocabulary may hold anything: nothing at all, line ends, controls that turn
// the direction of the text around, a thousand letters.

import { element } from "./dom.js";

const LONGEST = 60;
// C0 and C1 controls, marks and overrides of direction, separators, what is invisible. The joiners
// (U+200C, U+200D) stay: Persian, Hindi and emoji are spelled with them.
const HIDDEN =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/gu;

/** Return a text with everything in it visible, on one line. */
export function visible(text) {
  return text.replace(HIDDEN, (sign) => `‹U+${sign.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}›`);
}

/** Return a word as one visible line of at most `longest` characters. */
export function shown(word, longest = LONGEST) {
  if (word === "") return "(the empty word)";
  const letters = Array.from(word.length > 4 * longest ? word.slice(0, 4 * longest) : word);
  const cut = letters.length > longest ? `${letters.slice(0, longest - 1).join("")}…` : letters.join("");
  const seen = visible(cut);
  return seen.trim() === "" ? seen.replaceAll(/\s/gu, "␠") : seen;
}

/** Return a word as an element that keeps its direction to itself. */
export function wordNode(word, longest = LONGEST) {
  const text = shown(word, longest);
  return element("bdi", { title: text === word ? null : shown(word, 400), class: word === "" ? "quiet" : null }, text);
}

/** Return a word as a link. */
export function wordLink(word, href) {
  return element("a", { class: "word", href }, wordNode(word));
}

/** Return words as one sentence: "a, b and c". */
export function listed(words) {
  const names = words.map((word) => shown(word));
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}

/** Return a whole number with its thousands apart. */
export function whole(number) {
  return Number.isFinite(number) ? Math.round(number).toLocaleString("en") : "–";
}

/** Return a number with so many decimals, and a true minus. */
export function decimal(number, digits = 4) {
  return Number.isFinite(number) ? number.toFixed(digits).replace("-", "−") : "–";
}
