import { beforeAll, describe, expect, it } from 'vitest';
import type { SearchInput } from '../../src/search/request.ts';
import type { Stacklore } from '../../src/stacklore.ts';
import { FakeEmbedder } from '../support/fake-embedder.ts';
import { openTestLore } from '../support/lore.ts';
import { usePrivateRedis } from '../support/redis.ts';

const redis = usePrivateRedis();
const embedder = new FakeEmbedder();
let lore: Stacklore;

const NORTH = Float32Array.of(1, 0);
const EAST = Float32Array.of(0, 1);

beforeAll(async () => {
  lore = openTestLore(redis, {}, { embedder });
  await lore.createCollection('given', { dimensions: 2, language: 'english' });
  await lore.createCollection('wordless', { dimensions: 2 });
  for (const name of ['given', 'wordless']) {
    const collection = await lore.collections.get(name);
    const publish = (docId: string, text: string, vector: Float32Array) =>
      lore.documents.replace(
        collection,
        {
          ...{ docId: `${name}-${docId}`, title: docId, source: `${docId}.md`, contentType: 'text' },
          ...{ wordCount: 2, hash: docId },
        },
        [{ text }],
        [vector],
      );
    await publish('lamp', 'The lamps burn oil.', NORTH);
    await publish('pier', 'The pier has a lamp and a bell.', EAST);
  }
});

const find = (request: SearchInput) => lore.search({ collection: 'given', ...request });
const titles = async (request: SearchInput) => (await find(request)).hits.map(({ title }) => title);

describe('a collection of given vectors', () => {
  it('is searched by words alone, without a vector', async () => {
    const { hits, mode } = await find({ query: 'burning lamp', mode: 'text' });
    expect(mode).toBe('text');
    expect(hits.map(({ title, textRank }) => [title, textRank])).toEqual([
      ['lamp', 1],
      ['pier', 2],
    ]);
    expect(hits[0]?.score).toBe(hits[0]?.textScore);
    for (const hit of hits) {
      expect(hit).not.toHaveProperty('vectorScore');
      expect(hit).not.toHaveProperty('distance');
    }
    expect(embedder.embedded).toEqual([]);
  });

  it('is searched so with several queries and in pages, too', async () => {
    expect(await titles({ queries: ['bell', 'oil'], mode: 'text' })).toHaveLength(2);
    const first = await find({ query: 'lamp', mode: 'text', topK: 1, cursor: true });
    const { cursor = '' } = first;
    const second = await find({ query: 'lamp', mode: 'text', topK: 1, cursor });
    expect(new Set([...first.hits, ...second.hits].map(({ title }) => title))).toEqual(
      new Set(['lamp', 'pier']),
    );
    expect(second.hits[0]).not.toHaveProperty('vectorScore');
  });

  it('tells how near hits are where a vector is given', async () => {
    const { hits } = await find({ query: 'lamp', vector: EAST, mode: 'text' });
    expect(hits.find(({ title }) => title === 'pier')?.vectorScore).toBeCloseTo(1);
    expect(await titles({ query: 'oil', vector: NORTH })).toEqual(['lamp', 'pier']);
  });

  it.each([{}, { mode: 'hybrid' as const }])('says what to do without a vector (%j)', async (options) => {
    await expect(find({ query: 'lamp', ...options })).rejects.toMatchObject({
      code: 'manifest_mismatch',
      message: expect.stringMatching(/Give a vector beside the text .* mode "text"\.$/),
    });
  });

  it('says that its words have to be indexed first', async () => {
    await expect(find({ query: 'lamp', collection: 'wordless' })).rejects.toMatchObject({
      code: 'manifest_mismatch',
      message: expect.stringContaining('index-words wordless'),
    });
  });

  it.each([{ minScore: 0.1 }, { maxDistance: 0.5 }])('has nothing to compare %j with', async (options) => {
    await expect(find({ query: 'lamp', mode: 'text', ...options })).rejects.toMatchObject({
      code: 'invalid_input',
      message: expect.stringContaining('Give a vector'),
    });
  });

  it('explains a search by words', async () => {
    const explain = (query: string) =>
      lore.explain({ query, docId: 'given-lamp', collection: 'given', mode: 'text' });
    expect(await explain('oil')).toMatchObject({ outcome: 'found', hit: 1 });
    const { outcome, chunks } = await explain('bell');
    expect(outcome).toBe('without_words');
    expect(chunks).toHaveLength(1);
    expect(chunks[0]).not.toHaveProperty('problem');
  });
});
