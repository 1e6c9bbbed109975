import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { openLocalReranker } from '../../src/embed/local-reranker.ts';
import type { Reranker } from '../../src/embed/reranker.ts';
import { makeCrossEncoder } from '../support/make-cross-encoder.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const opened: Reranker[] = [];
afterEach(() => Promise.all(opened.splice(0).map((reranker) => reranker.close?.())));

async function open(settings: Record<string, unknown>): Promise<Reranker> {
  const config = loadConfig({ settings: { home: '/nowhere', reranker: settings }, env: {} });
  const reranker = await openLocalReranker(config);
  opened.push(reranker);
  return reranker;
}

describe('a cross-encoder in a folder', () => {
  it('scores each text beside the query, in the order of the texts, whatever their length', async () => {
    const reranker = await open({ dir: makeCrossEncoder(temporaryFolder()) });
    const texts = Array.from(
      { length: 20 },
      (_, n) => `${'other words '.repeat(20 - n)}${'lake '.repeat(n)}`,
    );
    const scores = await reranker.rerank('lake', texts);
    const base = scores[0] ?? Number.NaN;
    expect(scores.map((score) => score - base)).toEqual(texts.map((_, n) => n));
  });

  it('reads the beginning of a text that is too long', async () => {
    const reranker = await open({ dir: makeCrossEncoder(temporaryFolder()), maxTokens: 40 });
    const long = `lake ${'word '.repeat(2_000)} lake`;
    const [cut, short] = await reranker.rerank('lake', [long, 'lake word']);
    expect(cut).toBe(short);
    await expect(reranker.rerank('lake '.repeat(100), ['lake'])).rejects.toMatchObject({
      code: 'embedding_failed',
      message: expect.stringContaining('the query alone has more than the 40 tokens'),
    });
  });

  it('takes the difference of two classes, and refuses more', async () => {
    const two = await open({ dir: makeCrossEncoder(temporaryFolder(), { outputs: 2 }) });
    expect(await two.rerank('lake', ['lake', 'hill'])).toEqual([0, 0]);
    const three = await open({ dir: makeCrossEncoder(temporaryFolder(), { outputs: 3 }) });
    await expect(three.rerank('lake', ['lake'])).rejects.toMatchObject({
      code: 'embedding_failed',
      message: expect.stringContaining('3 classes'),
    });
  });

  it('is refused where files are missing or no weights, saying what to do', async () => {
    await expect(open({})).rejects.toMatchObject({
      code: 'model_unavailable',
      message: expect.stringMatching(/No reranking model is configured.*STACKLORE_RERANKER_DIR/),
    });
    const dir = temporaryFolder();
    await expect(open({ dir })).rejects.toMatchObject({
      code: 'model_unavailable',
      message: expect.stringContaining(`${dir} has no config.json`),
    });
    const whole = makeCrossEncoder(temporaryFolder());
    await expect(open({ dir: whole, weights: 'onnx/none.onnx' })).rejects.toMatchObject({
      message: expect.stringContaining('has no onnx/none.onnx'),
    });
    const broken = await open({ dir: whole, weights: 'config.json' });
    await expect(broken.rerank('lake', ['lake'])).rejects.toMatchObject({ code: 'model_unavailable' });
  });

  it.skipIf(!process.env.STACKLORE_RERANKER_DIR)(
    'puts an answer before what only shares its words, with the model of STACKLORE_RERANKER_DIR',
    async () => {
      const reranker = await open({ dir: join(process.env.STACKLORE_RERANKER_DIR ?? '') });
      const [answer, mention, other] = await reranker.rerank('How long do sessions last?', [
        'Sessions expire after one day without a visit.',
        'How long a queue lasts is up to its workers; sessions are no matter here.',
        'The lighthouse was painted white in spring.',
      ]);
      expect(answer).toBeGreaterThan(mention ?? Number.NaN);
      expect(mention).toBeGreaterThan(other ?? Number.NaN);
    },
  );
});
