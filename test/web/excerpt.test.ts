import { describe, expect, test } from 'vitest';
import { chooseRange, cutPieces } from '../../src/web/excerpt.js';

const span = (text: string, word: string) => {
  const start = text.indexOf(word);
  return { start, end: start + word.length };
};

describe('the pieces of a text', () => {
  const text = 'A loan lasts. Renew the loan here.';

  test('are cut where words and the sentence begin and end', () => {
    const highlights = {
      matchedWords: [span(text, 'loan'), span(text, 'Renew')],
      nearestSentence: span(text, 'Renew the loan here.'),
    };
    expect(cutPieces(text, highlights)).toEqual([
      { text: 'A ', isWord: false, isSentence: false },
      { text: 'loan', isWord: true, isSentence: false },
      { text: ' lasts. ', isWord: false, isSentence: false },
      { text: 'Renew', isWord: true, isSentence: true },
      { text: ' the loan here.', isWord: false, isSentence: true },
    ]);
  });

  test('make up the text, or the wanted part of it', () => {
    const highlights = { matchedWords: [span(text, 'loan')] };
    const joined = (range?: { start: number; end: number }) =>
      cutPieces(text, highlights, range)
        .map((piece) => piece.text)
        .join('');
    expect(joined()).toBe(text);
    expect(joined({ start: 4, end: 12 })).toBe(text.slice(4, 12));
  });

  test('are one without highlights, and none of an empty text', () => {
    expect(cutPieces('plain', undefined)).toEqual([{ text: 'plain', isWord: false, isSentence: false }]);
    expect(cutPieces('', undefined)).toEqual([]);
  });
});

describe('the part of a text to show', () => {
  const filler = 'word '.repeat(200);

  test('is all of a short one', () => {
    expect(chooseRange('short', undefined, 100)).toEqual({ start: 0, end: 5 });
  });

  test('is the beginning where nothing is marked', () => {
    const { start, end } = chooseRange(filler, undefined, 100);
    expect([start, filler.slice(start, end).endsWith('word')]).toEqual([0, true]);
  });

  test('holds the nearest sentence', () => {
    const text = `${filler}The sentence that answers. ${filler}`;
    const { start, end } = chooseRange(
      text,
      { matchedWords: [{ start: 0, end: 4 }], nearestSentence: span(text, 'The sentence that answers.') },
      100,
    );
    expect(text.slice(start, end)).toContain('The sentence that answers.');
    expect(end - start).toBeLessThan(150);
  });

  test('is where most words are, without a sentence', () => {
    const text = `lone ${filler}pair pair ${filler}`;
    const at = text.indexOf('pair');
    const matchedWords = [
      { start: 0, end: 4 },
      { start: at, end: at + 4 },
      { start: at + 5, end: at + 9 },
    ];
    const { start, end } = chooseRange(text, { matchedWords }, 100);
    expect(text.slice(start, end)).toContain('pair pair');
  });

  test('cuts no character in two', () => {
    const text = '😀'.repeat(400);
    const { start, end } = chooseRange(text, { matchedWords: [{ start: 401, end: 403 }] }, 101);
    expect(text.slice(start, end).isWellFormed()).toBe(true);
  });
});
