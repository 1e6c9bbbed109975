import { beforeAll, describe, expect, it } from 'vitest';
import type { PrivateRedis } from '../../../../src/redis/private-redis.ts';
import type { Stacklore } from '../../../../src/stacklore.ts';
import { usePrivateCluster } from '../../../support/cluster.ts';
import { allKeys, openTestLore } from '../../../support/lore.ts';
import { coordinateSearch } from '../../../support/search-coordinator.ts';

const cluster = usePrivateCluster();
const open = () => openTestLore(cluster.nodes[0] as PrivateRedis, cluster.config());

describe('knowledge on a cluster whose search finds the keys of one shard only', () => {
  it('is refused with the remedy before anything is stored', async () => {
    const lore = open();
    await expect(lore.createCollection('docs', { dimensions: 4 })).rejects.toMatchObject({
      code: 'search_unavailable',
      message: expect.stringContaining('finds the keys of one shard only'),
    });
    for (const { port } of cluster.nodes) expect(port).toBeGreaterThan(0);
    expect(await lore.collections.names()).toEqual([]);
    const left = await Promise.all(
      ['stacklore:collection:docs', 'stacklore:collections'].map((key) =>
        lore.databases.knowledge.send(['EXISTS', key]),
      ),
    );
    expect(left).toEqual([0, 0]);
  });
});

describe('knowledge on a cluster whose search spans its shards', () => {
  let lore: Stacklore;

  beforeAll(() => {
    lore = open();
    coordinateSearch(lore.databases.knowledge, cluster);
  });

  const texts = (count: number, about: string) =>
    Array.from({ length: count }, (_, n) => ({
      source: `text-${n}`,
      text: `Text ${n} is about ${about}${n}. It has a second sentence on ${about}${n}.`,
    }));

  it('takes documents in, finds them by meaning and words, and tells of what stands around them', async () => {
    const report = await lore.ingestTexts(texts(20, 'topic'), { collection: 'docs' });
    expect(report).toMatchObject({ counts: { created: 20 } });
    const { hits, mode } = await lore.search({ query: 'topic7', collection: 'docs', topK: 3, window: 1 });
    expect(mode).toBe('hybrid');
    expect(hits[0]?.text).toContain('topic7');
    expect(hits).toHaveLength(3);
    const byVector = await lore.search({ query: 'topic7', collection: 'docs', mode: 'vector', topK: 20 });
    expect(new Set(byVector.hits.map(({ docId }) => docId)).size).toBe(20);
    expect(await lore.documents.count('docs')).toBe(20);
  });

  it('replaces documents whole and leaves nothing of the version before', async () => {
    const { hits } = await lore.search({ query: 'topic3', collection: 'docs', topK: 1 });
    await lore.ingestTexts(texts(20, 'matter'), { collection: 'docs' });
    const after = await lore.search({ query: 'topic3', collection: 'docs', mode: 'text', topK: 5 });
    expect(after.hits).toEqual([]);
    const found = await lore.search({ query: 'matter3', collection: 'docs', topK: 1 });
    expect(found.hits[0]?.chunkId).toBe(hits[0]?.chunkId);
  });

  it('answers what is like a document, with facets and cursors', async () => {
    const [one] = (await lore.documents.list('docs')).items;
    const like = await lore.search({ like: { docId: one?.docId ?? '' }, collection: 'docs', topK: 3 });
    expect(like.hits).toHaveLength(3);
    const first = await lore.search({ query: 'matter', collection: 'docs', topK: 15, cursor: true });
    const second = await lore.search({
      ...{ query: 'matter', collection: 'docs', topK: 15, cursor: first.cursor ?? '' },
    });
    expect(new Set([...first.hits, ...second.hits].map(({ chunkId }) => chunkId)).size).toBe(20);
  });

  it('deletes documents and drops collections with all that belongs to them', async () => {
    const [one] = (await lore.documents.list('docs')).items;
    await lore.documents.delete(one?.docId ?? '');
    expect(await lore.documents.count('docs')).toBe(19);
    expect(await lore.dropCollection('docs')).toBe(19);
    const { knowledge } = lore.databases;
    expect(await allKeys(knowledge, '*docs*')).toEqual([]);
    expect(await lore.collections.names()).toEqual([]);
  });
});
