import { type VectorStoreQuery, VectorStoreQueryMode } from '@llamaindex/core/vector-store';
import { expect, test } from 'vitest';
import { similarityOf, toSearch } from '../../src/llamaindex/vector-query.ts';
import type { SearchHit } from '../../src/search/search.ts';

const { DEFAULT, HYBRID, MMR, SEMANTIC_HYBRID, SPARSE } = VectorStoreQueryMode;
const ASKED = { queryStr: 'a loan', queryEmbedding: [1, 0], similarityTopK: 3 };
const search = (query: Partial<VectorStoreQuery>) => toSearch({ ...ASKED, mode: DEFAULT, ...query }).request;

test('means a search by vector, by both, or by words, as the mode says', () => {
  expect(search({})).toEqual({ mode: 'vector', vector: [1, 0], topK: 3 });
  expect(search({ mode: HYBRID })).toEqual({
    ...{ mode: 'hybrid', query: 'a loan', vector: [1, 0], weight: 0.5, topK: 3 },
  });
  expect(search({ mode: SEMANTIC_HYBRID })).toMatchObject({ mode: 'hybrid', rerank: { depth: 50 } });
  expect(search({ mode: SEMANTIC_HYBRID, similarityTopK: 80 })).toMatchObject({ rerank: { depth: 80 } });
  expect(search({ mode: SPARSE })).toEqual({ mode: 'text', query: 'a loan', vector: [1, 0], topK: 3 });
  expect(toSearch({ queryStr: 'a loan', similarityTopK: 3, mode: SPARSE }).request).toEqual({
    ...{ mode: 'text', query: 'a loan', topK: 3 },
  });
});

test('weighs by alpha and by mmrThreshold, from the query or from customParams', () => {
  expect(search({ mode: HYBRID, alpha: 0 })).toMatchObject({ weight: 0 });
  expect(search({ mode: HYBRID, customParams: { alpha: 0.8 } })).toMatchObject({ weight: 0.8 });
  expect(search({ mode: MMR })).toMatchObject({ diversity: 0.5 });
  expect(search({ mode: MMR, mmrThreshold: 0 })).toMatchObject({ diversity: 1 });
  expect(search({ mode: MMR, customParams: { mmrThreshold: 0.75 } })).toMatchObject({ diversity: 0.25 });
});

test('hands on the options that stacklore has beside', () => {
  const customParams = { minScore: 0.3, maxPerDocument: 1, fusion: 'rrf', docIds: ['d'] };
  const query = { ...ASKED, mode: HYBRID, customParams };
  expect(toSearch(query).request).toMatchObject({ minScore: 0.3, maxPerDocument: 1, fusion: 'rrf' });
  expect(toSearch(query).docIds).toEqual(['d']);
});

test.each([
  ['a learner', { mode: VectorStoreQueryMode.SVM }],
  ['another learner', { mode: VectorStoreQueryMode.LINEAR_REGRESSION }],
  ['a mode there is not', { mode: 'constructor' as VectorStoreQueryMode }],
  ['no vector', { queryEmbedding: undefined as unknown as number[] }],
  ['no text to look words up of', { mode: HYBRID, queryStr: ' ' }],
  ['alpha without words', { alpha: 0.5 }],
  ['alpha out of range', { mode: HYBRID, alpha: 1.5 }],
  ['mmrThreshold in another mode', { mode: HYBRID, mmrThreshold: 0.5 }],
  ['mmrThreshold that is no number', { mode: MMR, mmrThreshold: Number.NaN }],
  ['docIds that are none', { docIds: [1] as unknown as string[] }],
  ['an unknown option', { customParams: { tokK: 3 } }],
  ['an option that would replace the query', { customParams: { collection: 'other' } }],
] satisfies [string, Partial<VectorStoreQuery>][])('refuses %s as invalid_input', (_, query) => {
  expect(() => search(query)).toThrowError(expect.objectContaining({ code: 'invalid_input' }));
});

test('calls similarity what made the order', () => {
  const hit = { score: 1.7, vectorScore: 0.4 } as SearchHit;
  expect(similarityOf(hit)).toBe(0.4);
  expect(similarityOf(hit, MMR)).toBe(0.4);
  expect(similarityOf(hit, HYBRID)).toBe(1.7);
  expect(similarityOf(hit, SPARSE)).toBe(1.7);
  expect(similarityOf({ ...hit, rerankScore: 3 }, SEMANTIC_HYBRID)).toBe(3);
});
