import { beforeAll, describe, expect, it } from 'vitest';
import type { Reranker } from '../../src/embed/reranker.ts';
import type { SearchInput } from '../../src/search/request.ts';
import type { Stacklore } from '../../src/stacklore.ts';
import { openTestLore } from '../support/lore.ts';
import { usePrivateRedis } from '../support/redis.ts';

const redis = usePrivateRedis();
let lore: Stacklore;

/** Prefers texts that name a higher number. */
const asked: { query: string; texts: readonly string[] }[] = [];
const reranker: Reranker = {
  name: 'highest',
  async rerank(query, texts) {
    asked.push({ query, texts });
    return texts.map((text) => Number(/number (\d+)/.exec(text)?.[1]));
  },
};

beforeAll(async () => {
  lore = openTestLore(redis, {}, { reranker });
  const texts = Array.from({ length: 12 }, (_, n) => {
    return {
      text: `Lake number ${n} ${'is deep '.repeat(12 - n)}.`,
      source: `lake-${n}.md`,
      docId: `lake${n}`,
      title: `Lake ${n}`,
    };
  });
  await lore.ingestTexts(texts, { collection: 'lakes' });
});

const find = async (request: SearchInput) => {
  const answer = await lore.search({ query: 'is deep', collection: 'lakes', ...request });
  return { ...answer, ids: answer.hits.map(({ docId }) => docId) };
};

describe('a search with rerank', () => {
  it('puts the best hits into the order of the reranker, and tells its scores and how long it took', async () => {
    const { hits, ids, rerankLatencyMs } = await find({ rerank: true, topK: 3 });
    expect(ids).toEqual(['lake11', 'lake10', 'lake9']);
    expect(hits.map(({ rerankScore, score }) => [rerankScore, score])).toEqual([
      [11, 11],
      [10, 10],
      [9, 9],
    ]);
    expect(rerankLatencyMs).toBeGreaterThanOrEqual(0);
  });

  it('reads no more than depth hits, with their titles; the others follow in the order they had', async () => {
    const plain = await find({ topK: 12 });
    asked.length = 0;
    const { hits, ids } = await find({ rerank: { depth: 4 }, topK: 12 });
    expect(asked).toEqual([{ query: 'is deep', texts: expect.any(Array) }]);
    expect(asked[0]?.texts).toHaveLength(4);
    expect(asked[0]?.texts[0]).toMatch(/^Lake 0\nLake number 0/);
    expect(ids.slice(0, 4)).toEqual(plain.ids.slice(0, 4).reverse());
    expect(ids.slice(4)).toEqual(plain.ids.slice(4));
    expect(hits[4]).not.toHaveProperty('rerankScore');
    expect(hits.map(({ score }) => score)).toEqual(hits.map(({ score }) => score).sort((a, b) => b - a));
  });

  it('scores each hit by the one of several queries that it answers best', async () => {
    const wanted: Readonly<Record<string, string>> = { 'is deep': 'number 3 ', lake: 'number 7 ' };
    const own: Reranker = {
      rerank: async (query, texts) =>
        texts.map((text) => (text.includes(wanted[query] ?? '?') ? query.length : -query.length)),
    };
    const request = { queries: ['is deep', 'lake'], collection: 'lakes', rerank: true, topK: 3 };
    const { hits } = await openTestLore(redis, {}, { reranker: own }).search(request);
    expect(hits.slice(0, 2).map(({ docId, rerankScore }) => [docId, rerankScore])).toEqual([
      ['lake3', 7],
      ['lake7', 4],
    ]);
    expect(hits[2]?.rerankScore).toBe(-4);
  });

  it('gives pages that follow each other', async () => {
    const all = await find({ rerank: { depth: 5 }, topK: 9 });
    const pages = await Promise.all(
      [0, 3, 6].map((offset) => find({ rerank: { depth: 5 }, topK: 3, offset })),
    );
    expect(pages.flatMap(({ ids }) => ids)).toEqual(all.ids);
  });

  it('is off unless asked for', async () => {
    asked.length = 0;
    const { hits, rerankLatencyMs } = await find({});
    const { rerankLatencyMs: none } = await find({ rerank: false });
    expect([rerankLatencyMs, none, hits[0]?.rerankScore]).toEqual([undefined, undefined, undefined]);
    expect(asked).toEqual([]);
  });

  it('decides which passages a context has, which tells how long it took', async () => {
    const request = { query: 'is deep', collection: 'lakes', maxTokens: 60, rerank: { depth: 12 } };
    const { citations, rerankLatencyMs } = await lore.context(request);
    expect(citations[0]?.docId).toBe('lake11');
    expect(rerankLatencyMs).toBeGreaterThanOrEqual(0);
  });

  it('keeps its answers apart from others in the cache, and tells no latency of a kept one', async () => {
    const request = { query: 'is deep', collection: 'lakes', topK: 1 };
    await lore.cachedSearch(request);
    const first = await lore.cachedSearch({ ...request, rerank: true });
    const second = await lore.cachedSearch({ ...request, rerank: true });
    expect(first).toMatchObject({
      cached: false,
      hits: [{ docId: 'lake11' }],
      rerankLatencyMs: expect.any(Number),
    });
    expect(second).toMatchObject({ cached: true, hits: [{ docId: 'lake11' }] });
    expect(second).not.toHaveProperty('rerankLatencyMs');
  });

  it('shares cached answers with rerankers of the same name only', async () => {
    const request = { query: 'is deep', collection: 'lakes', topK: 2, rerank: true };
    const lowest = async (_: string, texts: readonly string[]) =>
      texts.map((text) => -Number(/number (\d+)/.exec(text)?.[1]));
    const ask = async (own: Reranker) => {
      const { hits, cached } = await openTestLore(redis, {}, { reranker: own }).cachedSearch(request);
      return [cached, hits[0]?.docId];
    };
    await lore.cachedSearch(request);
    expect(await ask({ name: 'highest', rerank: lowest })).toEqual([true, 'lake11']);
    expect(await ask({ name: 'lowest', rerank: lowest })).toEqual([false, 'lake0']);
    expect(await ask({ name: 'lowest', rerank: lowest })).toEqual([true, 'lake0']);
    expect(await ask({ rerank: lowest })).toEqual([false, 'lake0']);
    expect(await ask({ name: '', rerank: reranker.rerank })).toEqual([false, 'lake11']);
    expect(await ask({ name: '', rerank: lowest })).toEqual([false, 'lake0']);
  });

  it('finds nothing without asking the reranker where nothing is found', async () => {
    asked.length = 0;
    expect((await find({ rerank: true, query: 'nowhere', mode: 'text' })).hits).toEqual([]);
    expect(asked).toEqual([]);
  });
});

describe('a search with rerank is refused', () => {
  it.each<[string, SearchInput, string]>([
    ['a depth of 0', { rerank: { depth: 0 } }, 'whole number from 1 to 1000'],
    ['a depth of a million', { rerank: { depth: 1_000_000 } }, 'whole number from 1 to 1000'],
    ['another option', { rerank: { deep: 1 } as never }, 'rerank'],
    ['a cursor', { rerank: true, cursor: true }, 'Page with offset'],
    [
      'boosts',
      { rerank: true, boosts: [{ filter: { docId: 'lake0' }, weight: 1 }] },
      'would undo boosts. Leave',
    ],
    ['an age', { rerank: { depth: 5 }, decay: { halfLifeDays: 9 } }, 'would undo decay.'],
    [
      'diversity and an age',
      { rerank: true, diversity: 0.5, decay: { halfLifeDays: 9 } },
      'decay, diversity.',
    ],
    ['a far page', { rerank: true, offset: 995, topK: 10 }, 'at most 1000'],
  ])('for %s', async (_, request, message) => {
    await expect(find(request)).rejects.toMatchObject({
      code: 'invalid_input',
      message: expect.stringContaining(message),
    });
  });

  it('but not beside preferences that are none', async () => {
    const { ids } = await find({ rerank: true, boosts: [], diversity: 0, topK: 1 });
    expect(ids).toEqual(['lake11']);
    const boosts = [{ filter: { docId: 'lake0' }, weight: 5 }];
    expect((await find({ rerank: false, boosts, topK: 1 })).ids).toEqual(['lake0']);
  });

  it('in a context, too', async () => {
    const request = { query: 'deep', collection: 'lakes', rerank: true, diversity: 0.5 };
    await expect(lore.context(request)).rejects.toMatchObject({ code: 'invalid_input' });
  });

  it('for a vector without a text', async () => {
    const vector = await lore.embedQuery('deep');
    await expect(lore.search({ vector, collection: 'lakes', rerank: true })).rejects.toMatchObject({
      code: 'invalid_input',
      message: expect.stringContaining('Give one'),
    });
  });

  it('where no reranker is configured, saying how to', async () => {
    const without = openTestLore(redis);
    const request = { query: 'deep', collection: 'lakes', rerank: true };
    await expect(without.search(request)).rejects.toMatchObject({
      code: 'model_unavailable',
      message: expect.stringContaining('STACKLORE_RERANKER_DIR'),
    });
  });

  it('where the reranker gives other than one number a text', async () => {
    for (const scores of [[], [Number.NaN]]) {
      const odd = openTestLore(redis, {}, { reranker: { rerank: async () => scores } });
      const request = { query: 'deep', collection: 'lakes', topK: 1, rerank: { depth: 1 } };
      await expect(odd.search(request)).rejects.toMatchObject({ code: 'embedding_failed' });
    }
  });
});
