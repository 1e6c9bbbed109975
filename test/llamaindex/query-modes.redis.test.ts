import { TextNode } from '@llamaindex/core/schema';
import { type VectorStoreQuery, VectorStoreQueryMode } from '@llamaindex/core/vector-store';
import { beforeAll, expect, test } from 'vitest';
import type { Reranker } from '../../src/embed/reranker.ts';
import { LocalEmbedding, RedisVectorStore } from '../../src/llamaindex/index.ts';
import type { Stacklore } from '../../src/stacklore.ts';
import { Compass, nodesOf, queryOf } from '../support/llamaindex-nodes.ts';
import { openTestLore } from '../support/lore.ts';
import { usePrivateRedis } from '../support/redis.ts';

const { DEFAULT, HYBRID, MMR, SEMANTIC_HYBRID, SPARSE } = VectorStoreQueryMode;
const redis = usePrivateRedis();
let lore: Stacklore;
let store: RedisVectorStore;

/** Prefers short texts. */
const reranker: Reranker = {
  name: 'shortest',
  rerank: async (_, texts) => texts.map((text) => -text.length),
};

beforeAll(async () => {
  lore = openTestLore(redis, {}, { reranker });
  const fields = [
    { name: 'lang', type: 'tag' },
    { name: 'year', type: 'number' },
    { name: 'tags', type: 'tag' },
  ] as const;
  store = new RedisVectorStore({ lore, collection: 'lakes', settings: { fields: [...fields] } });
  const lake = (id: string, text: string, metadata: Record<string, unknown>) =>
    nodesOf(lore, id, [text], { metadata });
  await store.add([
    ...(await lake('deep', 'A deep lake, very deep.', { lang: 'en', year: 1999, tags: ['cold', 'dark'] })),
    ...(await lake('twin', 'A deep lake, very very deep.', { lang: 'en', year: 2024, tags: ['cold'] })),
    ...(await lake('zander', 'The zander is a fish of a deep lake with many words around it.', {
      lang: 'de',
      year: 2020,
      tags: [],
    })),
    ...(await lake('road', 'Roads lead to the town.', { year: 2010 })),
  ]);
});

const find = async (text: string, more: Partial<VectorStoreQuery> = {}) => {
  const { ids, similarities, nodes = [] } = await store.query(await queryOf(lore, text, more));
  return { nodes, similarities, ids: ids.map((id) => id.replace('-node-0', '')) };
};
const found = async (filters: VectorStoreQuery['filters']) =>
  (await find('a lake', { filters })).ids.toSorted();

test('finds by meaning, with the cosine as similarity, nearest first', async () => {
  const { ids, similarities } = await find('A deep lake, very deep.');
  expect(ids[0]).toBe('deep');
  expect(similarities[0]).toBeCloseTo(1, 5);
  expect(similarities).toEqual(similarities.toSorted((a, b) => b - a));
});

test('finds by words alone, without a vector too', async () => {
  expect((await find('zander', { mode: SPARSE })).ids).toEqual(['zander']);
  const { ids } = await store.query({ queryStr: 'zander', mode: SPARSE, similarityTopK: 5 });
  expect(ids).toEqual(['zander-node-0']);
});

test('weighs words against meaning by alpha', async () => {
  const query = {
    mode: HYBRID,
    queryEmbedding: Array.from(await lore.embedQuery('Roads lead to the town.')),
  };
  expect((await find('zander', { ...query, alpha: 0 })).ids[0]).toBe('zander');
  expect((await find('zander', { ...query, alpha: 1 })).ids[0]).toBe('road');
  const { similarities } = await find('zander', query);
  expect(similarities).toEqual(similarities.toSorted((a, b) => b - a));
});

test('puts what says the same last in mode mmr, the more the lower mmrThreshold is', async () => {
  const query = { mode: MMR, similarityTopK: 3 };
  const { ids } = await find('a deep lake', query);
  expect((await find('a deep lake', { ...query, mmrThreshold: 1 })).ids.slice(0, 2).toSorted()).toEqual([
    'deep',
    'twin',
  ]);
  expect(['deep', 'twin']).toContain(ids[0]);
  expect((await find('a deep lake', { ...query, mmrThreshold: 0.1 })).ids.slice(0, 2).toSorted()).not.toEqual(
    ['deep', 'twin'],
  );
});

test('lets the reranker decide in mode semantic_hybrid, with its scores as similarities', async () => {
  const { ids, similarities, nodes } = await find('deep lake', { mode: SEMANTIC_HYBRID });
  const lengths = nodes.map((node) => (node as TextNode).text.length);
  expect(lengths).toEqual(lengths.toSorted((a, b) => a - b));
  expect(similarities).toEqual(lengths.map((length) => -length));
  expect(ids).toContain('deep');
});

test('says what to do where semantic_hybrid has no reranker', async () => {
  const plain = new RedisVectorStore({ lore: openTestLore(redis), collection: 'lakes' });
  await expect(
    plain.query(await queryOf(lore, 'deep lake', { mode: SEMANTIC_HYBRID })),
  ).rejects.toMatchObject({
    code: 'model_unavailable',
  });
});

test('honours every operator and both ways to join', async () => {
  const one = (key: string, operator: '==', value?: string | number | string[]) =>
    found({ filters: [{ key, operator, ...(value !== undefined && { value }) }] });
  const by = (key: string, operator: string, value?: string | number | string[]) =>
    one(key, operator as '==', value);
  expect(await by('lang', '==', 'en')).toEqual(['deep', 'twin']);
  expect(await by('lang', '!=', 'en')).toEqual(['zander']);
  expect(await by('year', '>', 2010)).toEqual(['twin', 'zander']);
  expect(await by('year', '>=', 2010)).toEqual(['road', 'twin', 'zander']);
  expect(await by('year', '<', 2010)).toEqual(['deep']);
  expect(await by('year', '<=', 2010)).toEqual(['deep', 'road']);
  expect(await by('lang', 'in', ['de', 'fr'])).toEqual(['zander']);
  expect(await by('lang', 'nin', ['de', 'fr'])).toEqual(['deep', 'twin']);
  expect(await by('tags', 'any', ['dark', 'warm'])).toEqual(['deep']);
  expect(await by('tags', 'all', ['cold', 'dark'])).toEqual(['deep']);
  expect(await by('tags', 'contains', 'cold')).toEqual(['deep', 'twin']);
  expect(await by('tags', 'is_empty')).toEqual(['road', 'zander']);
  expect(await by('doc_id', '==', 'road')).toEqual(['road']);
  const lang = { key: 'lang', operator: '==', value: 'en' } as const;
  const year = { key: 'year', operator: '<', value: 2015 } as const;
  expect(await found({ filters: [lang, year] })).toEqual(['deep']);
  expect(await found({ filters: [lang, year], condition: 'or' })).toEqual(['deep', 'road', 'twin']);
});

test('refuses filters on what is not declared or cannot be compared', async () => {
  const refused = { code: 'invalid_filter' };
  await expect(found({ filters: [{ key: 'colour', operator: '==', value: 'red' }] })).rejects.toMatchObject(
    refused,
  );
  await expect(found({ filters: [{ key: 'lang', operator: '>', value: 'en' }] })).rejects.toMatchObject(
    refused,
  );
  await expect(found({ filters: [{ key: 'text', operator: 'text_match', value: 'deep' }] })).rejects.toThrow(
    /mode "sparse"/,
  );
});

test('searches the named documents only, and finds nothing in none', async () => {
  expect((await find('a lake', { docIds: ['road'] })).ids).toEqual(['road']);
  expect((await find('a lake', { customParams: { docIds: ['road', 'deep'] } })).ids).toHaveLength(2);
  expect((await find('a lake', { docIds: [] })).ids).toEqual([]);
});

test('takes vectors of another model into a collection of its own, whose words can be looked up too', async () => {
  const compass = new RedisVectorStore({ lore, collection: 'compass', embedModel: new Compass() });
  await compass.add([
    new TextNode({ id_: 'n', text: 'north', embedding: [1, 0] }),
    new TextNode({ id_: 'e', text: 'east', embedding: [0, 1] }),
  ]);
  const query = { queryEmbedding: [0.1, 1], queryStr: 'north', similarityTopK: 1 };
  expect((await compass.query({ ...query, mode: DEFAULT })).ids).toEqual(['e']);
  expect((await compass.query({ ...query, mode: SPARSE })).ids).toEqual(['n']);
  expect((await lore.collections.get('compass')).manifest).toMatchObject({ model: null, dimensions: 2 });
});

test('never mixes or compares vectors of two models, and says what to do', async () => {
  const embedModel = new Compass();
  const foreign = new RedisVectorStore({ lore, collection: 'lakes', embedModel });
  await lore.createCollection('given', { dimensions: 64 });
  const own = new RedisVectorStore({ lore, collection: 'given', embedModel: new LocalEmbedding(lore) });
  const nodes = await nodesOf(lore, 'mixed', ['text']);
  const query = await queryOf(lore, 'text');

  for (const attempt of [() => foreign.add(nodes), () => foreign.query(query)]) {
    const error = await attempt().catch((error: unknown) => error);
    expect(error).toMatchObject({
      code: 'manifest_mismatch',
      message: expect.stringContaining('Leave embedModel out'),
    });
  }
  for (const attempt of [() => own.add(nodes), () => own.query(query)]) {
    const error = await attempt().catch((error: unknown) => error);
    expect(error).toMatchObject({
      code: 'manifest_mismatch',
      message: expect.stringContaining('Give the store that model'),
    });
  }
});

test('refuses to search a collection that there is not', async () => {
  const nowhere = new RedisVectorStore({ lore, collection: 'nowhere' });
  await expect(nowhere.query(await queryOf(lore, 'text'))).rejects.toMatchObject({ code: 'not_found' });
});
