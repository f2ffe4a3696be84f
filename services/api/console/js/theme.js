// Light or dark theme: the system's preference until the user chooses. Applied when this module runs, which is before the first paint.

import { computed, effect, signal } from "@preact/signals-core";

const STORAGE_KEY = "switchboard.theme";
export const THEME_CHOICES = ["system", "light", "dark"];
const system = matchMedia("(prefers-color-scheme: dark)");

function storedChoice() {
  try {
    const stored = localStorage.getItem(STORAGE_KEY);
    return THEME_CHOICES.includes(stored) ? stored : "system";
  } catch {
    return "system"; // storage is forbidden
  }
}

function store(choice) {
  try {
    if (choice === "system") localStorage.removeItem(STORAGE_KEY);
    else localStorage.setItem(STORAGE_KEY, choice);
  } catch {
    // storage is forbidden: the choice holds for this page
  }
}

/** "system", "light" or "dark"; a new value applies at once and is remembered. */
export const themeChoice = signal(storedChoice());
const systemIsDark = signal(system.matches);
const dark = computed(() => (themeChoice.value === "system" ? systemIsDark.value : themeChoice.value === "dark"));

/** Whether the dark theme is shown; components that read it are drawn again when it changes. */
export const isDark = () => dark.value;

/** The bar of a phone's browser has the colour of the theme that is shown, not of the system's. */
function colourBrowserBar() {
  for (const meta of document.querySelectorAll('meta[name="theme-color"]')) {
    meta.dataset.media ??= meta.media;
    const isOfTheme = meta.dataset.media.includes("dark") === dark.value;
    meta.media = themeChoice.value === "system" ? meta.dataset.media : isOfTheme ? "all" : "not all";
  }
}

effect(() => {
  document.documentElement.dataset.theme = dark.value ? "dark" : "light";
  colourBrowserBar();
});
effect(() => store(themeChoice.value));

/** Follows changes of the system's preference, and of the choice in another tab. */
export function followTheme() {
  system.addEventListener("change", () => { systemIsDark.value = system.matches; });
  addEventListener("storage", ({ key }) => {
    if (key === STORAGE_KEY || key === null) themeChoice.value = storedChoice();
  });
}

export function toggleTheme() {
  themeChoice.value = dark.value ? "light" : "dark";
}
