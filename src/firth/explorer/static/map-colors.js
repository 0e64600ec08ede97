// What the colour of a point says: how frequent its word is, or how far its place can be trusted.

// Seventeen stops each of viridis (Smith and van der Walt 2015, CC0) and cividis (Nuñez, Anderton and Renslow
// 2018, CC0): even steps for the eye, also for colour-blind ones.
const VIRIDIS =
  "440154 48186a 472d7b 424086 3b528b 33638d 2c728e 26828e 21918c 1fa088 28ae80 3fbc73 5ec962 84d44b addc30 d8e219 fde725";
const CIVIDIS =
  "00224e 002e6a 1a386f 32436d 434e6c 535a6d 61656f 6f7073 7d7c78 8c8878 9b9476 aba072 bcae6c cdbb63 dec958 f0d846 fee838";
// The part of a ramp that stands out from the page by at least 3:1 (viridis 3.1 to 14.6 on light, 3.4 to 14.3
// on dark; cividis 3.4 to 15.0 and 3.1 to 14.4). "High" is what differs most from the page.
const ON_LIGHT = [9 / 16, 0], ON_DARK = [6 / 16, 1];

export const MODES = {
  frequency: { name: "Frequency", low: "rare", high: "frequent", ramp: ramp(CIVIDIS) },
  trust: { name: "Trust", low: "none near", high: "all near", ramp: ramp(VIRIDIS) },
};

function ramp(text) {
  return text.split(" ").map((hex) => [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16)));
}

/** Return the colour of `share` (0 to 1) as three bytes. */
export function rampColor(mode, share, dark) {
  const [from, to] = dark ? ON_DARK : ON_LIGHT;
  const stops = MODES[mode].ramp;
  const place = (from + share * (to - from)) * (stops.length - 1);
  const below = Math.min(Math.floor(place), stops.length - 2);
  return stops[below].map((value, channel) => Math.round(value + (place - below) * (stops[below + 1][channel] - value)));
}

/** Return what the mode shows of a point, from 0 to 1. Frequency by rank, on a logarithmic scale. */
export function shareOf(mode, data, point) {
  if (mode === "trust") return data.measured ? Math.min(data.near[point] / data.k, 1) : 0;
  return data.size > 1 ? 1 - Math.log(point + 1) / Math.log(data.size) : 1;
}

/** Return (n × 4) bytes: the colour of every point, opaque. */
export function pointColors(mode, data, dark) {
  const STEPS = 64;
  const table = Array.from({ length: STEPS + 1 }, (_, step) => rampColor(mode, step / STEPS, dark));
  const bytes = new Uint8Array(4 * data.size);
  for (let point = 0; point < data.size; point++) {
    const [red, green, blue] = table[Math.round(shareOf(mode, data, point) * STEPS)];
    bytes[4 * point] = red;
    bytes[4 * point + 1] = green;
    bytes[4 * point + 2] = blue;
    bytes[4 * point + 3] = 255;
  }
  return bytes;
}

/** Tell whether the page is dark now: the system's wish, or what was chosen. */
export function isDark() {
  const { theme } = document.documentElement.dataset;
  return theme === "auto" || !theme ? matchMedia("(prefers-color-scheme: dark)").matches : theme === "dark";
}
