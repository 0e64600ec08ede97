// Light or dark, before the first paint (a classic script: modules come too late, and the page would flash).
// Nothing chosen: the system's setting, which palette.css follows by itself.
(() => {
  const KEY = "firth-theme";
  const ORDER = ["auto", "light", "dark"];
  let chosen = "auto";
  try {
    chosen = localStorage.getItem(KEY) ?? "auto";
  } catch {
    // Storage may be forbidden; the choice then lasts as long as the page.
  }

  const put = () => {
    document.documentElement.dataset.theme = ORDER.includes(chosen) ? chosen : "auto";
  };
  put();

  addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    const tell = () => {
      button.textContent = { light: "Light", dark: "Dark" }[chosen] ?? "Auto";
      button.setAttribute("aria-label", `Colours: ${button.textContent}. Change`);
    };
    tell();
    button.addEventListener("click", () => {
      chosen = ORDER[(ORDER.indexOf(chosen) + 1) % ORDER.length];
      try {
        localStorage.setItem(KEY, chosen);
      } catch {
        // See above.
      }
      put();
      tell();
      dispatchEvent(new Event("firth:theme"));
    });
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    dispatchEvent(new Event("firth:theme"));
  });
})();
