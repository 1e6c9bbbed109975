import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Embedder } from '../../src/embed/embedder.ts';

/** What every embedder does, whatever makes its vectors. `open` gives one that reads at most 256 tokens. */
export function embedderContract(name: string, open: () => Promise<Embedder>): void {
  describe(`${name} as an embedder`, () => {
    let embedder: Embedder;
    beforeAll(async () => {
      embedder = await open();
    });
    afterAll(() => embedder.close());

    it('gives finite vectors of length 1 with the dimensions it says', async () => {
      const [vector] = await embedder.embedTexts(['Sessions expire after a day.']);
      expect(vector).toHaveLength(embedder.dimensions);
      expect(vector?.every(Number.isFinite)).toBe(true);
      expect(Math.hypot(...(vector ?? []))).toBeCloseTo(1, 5);
    });

    it('gives vectors in the order of the texts', async () => {
      const texts = Array.from(
        { length: 9 },
        (_, n) => `Shelf ${n} holds ${'jars '.repeat(1 + ((n * 5) % 9))}.`,
      );
      const together = await embedder.embedTexts(texts);
      for (const [index, text] of texts.entries()) {
        expect(together[index]).toEqual((await embedder.embedTexts([text]))[0]);
      }
    });

    it('gives the same bytes for a text whatever is embedded beside it', async () => {
      const text = 'Redis keeps its data in memory.';
      const [alone] = await embedder.embedTexts([text]);
      const others = Array.from({ length: 12 }, (_, n) => 'The ferry leaves at noon. '.repeat(1 + n));
      const [first, ...rest] = await embedder.embedTexts([text, ...others, text]);
      const [, beside] = await Promise.all([
        embedder.embedTexts(others),
        embedder.embedTexts([text]),
        embedder.embedQuery('When does the ferry leave?'),
      ]);
      expect(first).toEqual(alone);
      expect(rest.at(-1)).toEqual(alone);
      expect(beside[0]).toEqual(alone);
    });

    it('puts a question nearer to its answer than to other text', async () => {
      const [answer, other] = await embedder.embedTexts([
        'The museum opens at nine in the morning.',
        'Add the flour and knead the dough well.',
      ]);
      const question = await embedder.embedQuery('When does the museum open in the morning?');
      expect(dot(question, answer)).toBeGreaterThan(dot(question, other));
    });

    it('gives no vectors for no texts, and each caller vectors of their own', async () => {
      expect(await embedder.embedTexts([])).toEqual([]);
      const [one, two] = await embedder.embedTexts(['twice', 'twice']);
      expect(one).toEqual(two);
      expect(one?.buffer).not.toBe(two?.buffer);
    });

    it('takes text in any script, and text without any letters', async () => {
      const texts = [
        'Wie läuft eine Sitzung ab?',
        '東京は日本の首都です。',
        'مرحبا بالعالم',
        '👩‍👩‍👧 🎉',
        '--- *** ---',
        '\ud800',
      ];
      for (const vector of await embedder.embedTexts(texts)) expect(vector).toHaveLength(embedder.dimensions);
    });

    it('counts the tokens of a text and none in white space', () => {
      expect(embedder.countTokens('one two three')).toBe(3);
      expect(embedder.countTokens(' \n\t ')).toBe(0);
    });

    it('refuses a text of more tokens than the model reads instead of cutting it', async () => {
      const long = 'word '.repeat(300);
      await expect(embedder.embedTexts(['short', long])).rejects.toMatchObject({ code: 'too_large' });
      await expect(embedder.embedQuery(long)).rejects.toMatchObject({ code: 'too_large' });
    });

    it('refuses a query without any words', async () => {
      await expect(embedder.embedQuery('')).rejects.toMatchObject({ code: 'invalid_input' });
      await expect(embedder.embedQuery(' \n ')).rejects.toMatchObject({ code: 'invalid_input' });
    });

    it('stops when asked to', async () => {
      const stop = new AbortController();
      const pending = embedder.embedTexts(
        Array.from({ length: 200 }, (_, n) => `text ${n}`),
        { signal: stop.signal },
      );
      stop.abort();
      await expect(pending).rejects.toMatchObject({ code: 'aborted' });
      await expect(embedder.embedTexts(['text'], { signal: stop.signal })).rejects.toMatchObject({
        code: 'aborted',
      });
    });

    it('says what its vectors are made with', () => {
      expect(embedder.model.maxTokens).toBe(256);
      expect(embedder.model.weightsSha256).toMatch(/^[0-9a-f]{64}$/);
      expect(embedder.model.tokenizerSha256).toMatch(/^[0-9a-f]{64}$/);
    });

    it('refuses texts once it is closed, and closes twice', async () => {
      const closed = await open();
      await closed.embedTexts(['before']);
      await closed.close();
      await closed.close();
      await expect(closed.embedTexts(['after'])).rejects.toMatchObject({ code: 'embedding_failed' });
      await expect(closed.embedQuery('after')).rejects.toMatchObject({ code: 'embedding_failed' });
    });
  });
}

/** The cosine of two vectors of length 1. */
export function dot(left: Float32Array | undefined, right: Float32Array | undefined): number {
  return (left ?? new Float32Array()).reduce((sum, value, i) => sum + value * (right?.[i] ?? 0), 0);
}
