import { expect, it } from 'vitest';
import { sameNumbers } from '../../src/search/same-numbers.ts';

it.each([
  ['visitors in 2024', 'visitors in 2024?'],
  ['What does (F2) mean', 'what does f2 mean?'],
  ['L-11, what now?', 'what now with L-11'],
  ['from 10:30 to 11:15', 'until 11:15, from 10:30'],
  ['no numbers here', 'none there'],
  ['Fläche von 5 m²', 'die Fläche von 5 m²'],
])('"%s" has the numbers of "%s"', (one, other) => {
  expect(sameNumbers(one, other)).toBe(true);
});

it.each([
  ['visitors in 2024', 'visitors in 2023'],
  ['visitors in 2024', 'visitors in all years'],
  ['L-11, what now?', 'L-12, what now?'],
  ['L-11, what now?', 'M-11, what now?'],
  ['F2', 'F 2'],
  ['1.5 metres', '15 metres'],
  ['第2土曜日', '第3土曜日'],
])('"%s" has not the numbers of "%s"', (one, other) => {
  expect(sameNumbers(one, other)).toBe(false);
});
