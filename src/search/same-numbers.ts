import { lower } from '../text/words.ts';

/**
 * Whether two questions hold the same numbers and codes, such as `2024`, `F2` or `L-11`. Questions that differ in
 * nothing else are nearer to each other than one question is to itself in other words.
 */
export function sameNumbers(one: string, other: string): boolean {
  return numbersOf(one) === numbersOf(other);
}

function numbersOf(text: string): string {
  const found = text.normalize('NFKC').match(CODE) ?? [];
  const numbers = found.filter((code) => DIGIT.test(code)).map((code) => lower(code.replace(ENDING, '')));
  return [...new Set(numbers)].sort().join(' ');
}

/** Digits with the Latin letters and signs that they are written together with. */
const CODE = /[A-Za-z\p{N}][A-Za-z\p{N}.,:/-]*/gu;
const DIGIT = /\p{N}/u;
const ENDING = /[.,:/-]+$/;
