import { expect, it } from 'vitest';
import { tagProblem } from '../../src/schema/tag.ts';

it.each(['', 'a,b', 'é'.repeat(2_047), '日本語', 'a\\b'])('takes %j as a tag', (text) => {
  expect(tagProblem(text)).toBeUndefined();
});

it.each([
  ['a\0', 'U+0000'],
  ['a\u001fb', 'U+001F'],
  ['\ud800', 'surrogate'],
  ['é'.repeat(2_048), '4095 bytes'],
])('says what is wrong with %j', (text, says) => {
  expect(tagProblem(text)).toContain(says);
});
