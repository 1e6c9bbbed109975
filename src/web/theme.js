import { select } from './element.js';

const STORAGE_NAME = 'stacklore-theme';
const SYSTEM = matchMedia('(prefers-color-scheme: dark)');

/** Light, dark, or as the system has it; remembered by the browser. */
export function createThemeSwitch() {
  const saved = localStorage.getItem(STORAGE_NAME) ?? 'system';
  const choice = select(
    { system: 'System colours', light: 'Light', dark: 'Dark' },
    { 'aria-label': 'Colours', class: 'quiet', change: () => apply(choice.value) },
  );
  choice.value = saved;
  apply(saved);
  return choice;
}

/** Whether light text on dark ground is shown now. */
export function isDark() {
  const { theme } = document.documentElement.dataset;
  return theme === 'dark' || (theme !== 'light' && SYSTEM.matches);
}

/**
 * Tells each change between light and dark, for what is not drawn by style sheets.
 *
 * @param {() => void} listener
 */
export function onThemeChange(listener) {
  document.addEventListener('themechange', listener);
  SYSTEM.addEventListener('change', listener);
}

/** @param {string} theme */
function apply(theme) {
  document.documentElement.dataset.theme = theme;
  localStorage.setItem(STORAGE_NAME, theme);
  document.dispatchEvent(new CustomEvent('themechange'));
}
