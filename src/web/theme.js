import { select } from './element.js';

const STORAGE_NAME = 'stacklore-theme';

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

/** @param {string} theme */
function apply(theme) {
  document.documentElement.dataset.theme = theme;
  localStorage.setItem(STORAGE_NAME, theme);
  document.dispatchEvent(new CustomEvent('themechange'));
}
