// Light or dark theme: the system's preference until the user chooses.

const KEY = "switchboard.theme";
const system = matchMedia("(prefers-color-scheme: dark)");

const chosen = () => localStorage.getItem(KEY);
export const isDark = () => (chosen() ?? (system.matches ? "dark" : "light")) === "dark";

function apply() {
  document.documentElement.dataset.theme = isDark() ? "dark" : "light";
}

export function followTheme() {
  apply();
  system.addEventListener("change", apply);
}

export function toggleTheme() {
  localStorage.setItem(KEY, isDark() ? "light" : "dark");
  apply();
}
