import { beforeAll, describe, expect, it } from 'vitest';
import type { MapInput } from '../../src/search/map.ts';
import type { Stacklore } from '../../src/stacklore.ts';
import { FakeEmbedder } from '../support/fake-embedder.ts';
import { openTestLore } from '../support/lore.ts';
import { usePrivateRedis } from '../support/redis.ts';
import { cliOn, jsonOf } from '../support/run-cli.ts';

const redis = usePrivateRedis();
let lore: Stacklore;

const SUBJECTS = ['lamp', 'boat', 'whale', 'cello'];
/** Eight documents of some subject; a paragraph is a chunk. */
const documents = Array.from({ length: 8 }, (_, at) => {
  const subject = SUBJECTS[at % SUBJECTS.length];
  const text = Array.from(
    { length: 5 },
    (_, part) =>
      `# Part ${part}\n\nThe ${subject} and the ${subject} of day ${part}, a ${subject} ${subject}.`,
  );
  return { docId: `doc-${at}`, source: `${at}.md`, title: `On the ${subject}`, text: text.join('\n\n') };
});

beforeAll(async () => {
  lore = openTestLore(redis, {}, { embedder: new FakeEmbedder() });
  await lore.createCollection('docs', { chunkSize: 16, chunkOverlap: 0 });
  await lore.ingestTexts(documents, { collection: 'docs' });
});

describe('a map', () => {
  it('has a point for every chunk where there are few', async () => {
    const { points, documents: count, chunks, collection, version } = await lore.map({ collection: 'docs' });
    expect({ collection, count }).toEqual({ collection: 'docs', count: 8 });
    expect(version).toBe((await lore.collections.get('docs')).version);
    expect(points).toHaveLength(chunks);
    expect(chunks).toBeGreaterThan(8);
    expect(new Set(points.map(({ chunkId }) => chunkId)).size).toBe(chunks);
    expect(points[0]).toEqual({
      ...{ chunkId: 'doc-0_chunk_0', docId: 'doc-0', title: 'On the lamp' },
      ...{ x: expect.any(Number), y: expect.any(Number) },
    });
    for (const { x, y } of points) expect(Math.max(Math.abs(x), Math.abs(y))).toBeLessThanOrEqual(1);
  });

  it('shows what is alike close together', async () => {
    const { points, explainedVariance } = await lore.map({ collection: 'docs' });
    const of = (docId: string) => points.filter((point) => point.docId === docId);
    const apart = (a: (typeof points)[number], b: (typeof points)[number]) =>
      Math.hypot(a.x - b.x, a.y - b.y);
    const mean = (one: string, other: string) => {
      const distances = of(one).flatMap((a) => of(other).map((b) => apart(a, b)));
      return distances.reduce((sum, distance) => sum + distance, 0) / distances.length;
    };
    // 0 and 4 are of one subject, 0 and 1 of two.
    expect(mean('doc-0', 'doc-4')).toBeLessThan(mean('doc-0', 'doc-1') / 2);
    expect(explainedVariance.x).toBeGreaterThanOrEqual(explainedVariance.y);
    expect(explainedVariance.x + explainedVariance.y).toBeGreaterThan(0.3);
  });

  it('takes chunks evenly from all documents, and the same ones again', async () => {
    const { points, chunks } = await lore.map({ collection: 'docs', limit: 16 });
    expect(points).toHaveLength(16);
    expect(chunks).toBeGreaterThan(16);
    const counts = documents.map(({ docId }) => points.filter((point) => point.docId === docId).length);
    expect(counts).toEqual(Array(8).fill(2));
    await lore.responseCache.clear();
    expect((await lore.map({ collection: 'docs', limit: 16 })).points).toEqual(points);
  });

  it('has no text and no vectors in it', async () => {
    const text = JSON.stringify(await lore.map({ collection: 'docs' }));
    expect(text).not.toContain('of day');
    expect(text).not.toContain('axes');
  });

  it('shows a question and its hits where the chunks are', async () => {
    const map = await lore.map({ collection: 'docs', query: 'whale', topK: 3 });
    const { hits } = await lore.search({ collection: 'docs', query: 'whale', topK: 3 });
    expect(map.hits?.map(({ chunkId }) => chunkId)).toEqual(hits.map(({ chunkId }) => chunkId));
    const { chunkId, x, y } = map.hits?.[0] ?? { chunkId: '' };
    expect(map.points.find((point) => point.chunkId === chunkId)).toMatchObject({ x, y });
    expect(map.query).toEqual({ x: expect.any(Number), y: expect.any(Number) });
  });

  it('shows a vector like the question it was made of', async () => {
    const vector = await lore.embedQuery('whale');
    const [ofText, ofVector] = [
      await lore.map({ collection: 'docs', query: 'whale' }),
      await lore.map({ collection: 'docs', vector: [...vector] }),
    ];
    expect(ofVector.query).toEqual(ofText.query);
    expect(ofVector.hits).toHaveLength(10);
  });

  it('shows chunks asked for, in or out of the sample, and leaves out those that are gone', async () => {
    const chunkIds = ['doc-7_chunk_1', 'nowhere', 'doc-2_chunk_0'];
    const { hits, points, query } = await lore.map({ collection: 'docs', limit: 1, chunkIds });
    expect(points).toHaveLength(1);
    expect(query).toBeUndefined();
    expect(hits?.map(({ chunkId }) => chunkId)).toEqual(['doc-7_chunk_1', 'doc-2_chunk_0']);
  });

  it('has no question and no hits unless asked', async () => {
    const map = await lore.map({ collection: 'docs' });
    expect(map).not.toHaveProperty('query');
    expect(map).not.toHaveProperty('hits');
  });
});

describe('a kept map', () => {
  it('is made once until the collection changes', async () => {
    await lore.map({ collection: 'docs', limit: 20 });
    const before = await lore.responseCache.stats();
    await lore.map({ collection: 'docs', limit: 20, query: 'lamp' });
    expect((await lore.responseCache.stats()).hits - before.hits).toBe(1);
  });

  it('is not given after a publish and after a delete', async () => {
    await lore.map({ collection: 'docs' });
    const added = { docId: 'new', source: 'new.md', text: 'A new whale.' };
    await lore.ingestTexts([added], { collection: 'docs' });
    expect((await lore.map({ collection: 'docs' })).points.map(({ docId }) => docId)).toContain('new');
    await lore.documents.delete('new');
    expect((await lore.map({ collection: 'docs' })).points.map(({ docId }) => docId)).not.toContain('new');
  });
});

describe('a map of little or of something else', () => {
  it('of an empty collection has no points', async () => {
    await lore.createCollection('empty');
    expect(await lore.map({ collection: 'empty', query: 'lamp' })).toMatchObject({
      ...{ points: [], chunks: 0, documents: 0, hits: [], query: { x: 0, y: 0 } },
    });
  });

  it('of a single chunk has it in the middle', async () => {
    await lore.ingestTexts([{ docId: 'only', source: 'o.md', text: 'Only.' }], { collection: 'single' });
    expect((await lore.map({ collection: 'single' })).points).toEqual([
      { chunkId: 'only_chunk_0', docId: 'only', title: expect.any(String), x: 0, y: 0 },
    ]);
  });

  it('finds documents and chunks whose ids are escaped in their keys', async () => {
    await lore.ingestTexts([{ docId: 'a:b/c', source: 'e.md', text: 'Odd.' }], { collection: 'odd' });
    expect((await lore.map({ collection: 'odd', chunkIds: ['a:b/c_chunk_0'] })).hits).toHaveLength(1);
    expect((await lore.map({ collection: 'odd' })).points).toMatchObject([{ docId: 'a:b/c' }]);
  });

  it('leaves out chunks without a vector that can be compared', async () => {
    await lore.ingestTexts(documents.slice(0, 2), { collection: 'broken' }).catch(() => {});
    await lore.ingestTexts(
      documents.slice(0, 2).map((one) => ({ ...one, docId: `${one.docId}-b` })),
      { collection: 'broken' },
    );
    const { points } = await lore.map({ collection: 'broken' });
    const broken = points[0]?.chunkId ?? '';
    const key = `llama_index/vector_store/broken/${broken}`;
    await lore.databases.knowledge.send(['HSET', key, 'embedding', 'short']);
    await lore.responseCache.clear();
    const again = await lore.map({ collection: 'broken', chunkIds: [broken] });
    expect(again.points).toHaveLength(points.length - 1);
    expect(again.hits).toEqual([]);
  });

  it('of a collection without a model takes a vector, not a text', async () => {
    await lore.createCollection('given', { dimensions: 3 });
    const vector = Float32Array.from([1, 0, 0]);
    expect((await lore.map({ collection: 'given', vector })).query).toEqual({ x: 0, y: 0 });
    await expect(lore.map({ collection: 'given', query: 'lamp' })).rejects.toMatchObject({
      code: 'manifest_mismatch',
    });
  });
});

describe('what cannot be used is refused', () => {
  it.each([
    [{ limit: 0 }, 'invalid_input'],
    [{ limit: 10_001 }, 'invalid_input'],
    [{ query: ' ' }, 'invalid_input'],
    [{ topK: 0 }, 'invalid_input'],
    [{ chunkIds: [''] }, 'invalid_input'],
    [{ points: 3 }, 'invalid_input'],
    [{ vector: ['1'] }, 'invalid_input'],
    [{ vector: [1, 2] }, 'dimension_mismatch'],
    [{ vector: Array(64).fill(0) }, 'invalid_vector'],
    [{ collection: 'nowhere' }, 'not_found'],
  ])('%o', async (request, code) => {
    await expect(lore.map({ collection: 'docs', ...request } as MapInput)).rejects.toMatchObject({ code });
  });
});

describe('the verb', () => {
  const { run } = cliOn(redis, 'map');

  it('gives the map as JSON, and a summary for people', async () => {
    const points = await lore.map({ collection: 'docs', limit: 16 });
    expect(jsonOf(await run('--collection', 'docs', '--limit', '16', '--json'))).toEqual(points);
    const { stdout } = await run('--collection', 'docs', '--limit', '16');
    expect(stdout).toMatch(/16 of \d+ chunks of 8 documents/);
    expect(stdout).toMatch(/left +On the /);
  });

  it.each([['--limit', '0'], ['--limit', 'many'], ['--unknown']])('refuses %s %s', async (...args) => {
    expect(await run(...args)).toMatchObject({ exitCode: 2, stdout: '' });
  });
});
