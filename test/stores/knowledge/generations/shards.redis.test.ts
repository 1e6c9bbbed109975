import { beforeAll, describe, expect, it } from 'vitest';
import type { Stacklore } from '../../../../src/stacklore.ts';
import { allKeys, openTestLore } from '../../../support/lore.ts';
import { useShardedRedis } from '../../../support/sharded-proxy.ts';

const redis = useShardedRedis();
let lore: Stacklore;

beforeAll(() => {
  lore = openTestLore(redis);
});

const texts = (about: string) =>
  Array.from({ length: 12 }, (_, n) => ({
    source: `text-${n}`,
    text: `Text ${n} is about ${about}${n}. It has a second sentence on ${about}${n}.`,
  }));
const ingest = (about: string) => lore.ingestTexts(texts(about), { collection: 'docs' });
const firstFound = async (query: string) =>
  (await lore.search({ query, collection: 'docs', topK: 1 })).hits[0]?.text;

describe('knowledge on several shards behind one address', () => {
  it('takes documents in and replaces them, each by its generation', async () => {
    expect(await ingest('topic')).toMatchObject({ counts: { created: 12 } });
    expect(await firstFound('topic7')).toContain('topic7');
    expect(await ingest('matter')).toMatchObject({ counts: { updated: 12 } });
    expect(await firstFound('matter7')).toContain('matter7');
    const [document] = (await lore.documents.list('docs')).items;
    expect(document?.generation).toBeGreaterThan(0);
    const chunks = await allKeys(lore.databases.knowledge, 'llama_index/*');
    expect(chunks).toHaveLength(12);
  });

  it('keeps facts and finds them', async () => {
    const { factId } = await lore.addFact({ content: 'The lamp is lit.', category: 'light' });
    await lore.updateFact(factId, { content: 'The lamp is out.' });
    const { hits } = await lore.searchFacts({ query: 'The lamp is out.' });
    expect(hits[0]).toMatchObject({ factId });
    await lore.facts.delete(factId);
  });

  it('answers a question that means the same from the cache', async () => {
    const ask = (query: string) => lore.cachedSearch({ query, collection: 'docs' }, { semantic: true });
    const query = 'what is the matter of the day';
    expect(await ask(query)).toMatchObject({ cached: false });
    const second = await ask('what is the day of the matter');
    expect(second).toMatchObject({ cached: true, earlier: { query } });
  });

  it('is reindexed beside itself, and not cut anew', async () => {
    await lore.reindex('docs', { index: 'flat' });
    await lore.reindex('docs', { finish: true });
    expect(await firstFound('matter3')).toContain('matter3');
    await expect(lore.reindex('docs', { chunkSize: 100 })).rejects.toMatchObject({ code: 'invalid_input' });
  });

  it('is told of, backed up, looked after and dropped', async () => {
    expect((await lore.maintenance.analyseKeys()).unknown).toEqual([]);
    const { findings } = await lore.maintenance.diagnose({ fix: true });
    expect(findings.filter(({ what }) => what.includes('could not be made'))).toEqual([]);
    await lore.maintenance.cleanup({ orphans: true, emptyDocuments: true, cache: true, deadLetters: true });
    await lore.maintenance.backup();
    expect(await lore.dropCollection('docs')).toBe(12);
    expect(await allKeys(lore.databases.knowledge, 'llama_index/*')).toEqual([]);
  });
});
