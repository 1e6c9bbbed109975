import { isDark } from './theme.js';

/**
 * The colour of a document by its rank: neighbours in the list are far apart on the wheel.
 *
 * @param {number} rank
 */
export function documentColour(rank) {
  return `oklch(${isDark() ? 0.78 : 0.52} 0.13 ${(rank * 137.5 + 200) % 360})`;
}
