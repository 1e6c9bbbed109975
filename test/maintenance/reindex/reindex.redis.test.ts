import { beforeAll, describe, expect, it } from 'vitest';
import { chunkRecord } from '../../../src/schema/knowledge.ts';
import type { Stacklore } from '../../../src/stacklore.ts';
import { FakeEmbedder } from '../../support/fake-embedder.ts';
import { allKeys, openTestLore } from '../../support/lore.ts';
import { usePrivateRedis } from '../../support/redis.ts';

const redis = usePrivateRedis();
/** Configured with the model that collections are made with. */
let lore: Stacklore;
/** Configured with the model they are given. */
let other: Stacklore;
const small = new FakeEmbedder();
const large = new FakeEmbedder({ dimensions: 96, model: { name: 'fake/larger' } });

const TEXTS: Readonly<Record<string, string>> = {
  errors: 'The code E4711 means that the disk is full.',
  sessions: 'Sessions expire after one day. Visits renew them.',
  backups: 'A backup is written each night and kept for a week.',
  houses: 'Die Häuser am Fluss sind alt.',
};

beforeAll(() => {
  lore = openTestLore(redis, {}, { embedder: small });
  other = openTestLore(redis, {}, { embedder: large });
});

async function publish(to: Stacklore, collection: string, texts = TEXTS) {
  for (const [docId, text] of Object.entries(texts)) {
    const report = await to.ingestTexts(
      [{ text, source: `${docId}.md`, docId: `${collection}-${docId}`, title: docId }],
      { collection },
    );
    expect(report.counts.failed).toBe(0);
  }
}

const first = async (from: Stacklore, collection: string, query: string) =>
  (await from.search({ query, collection })).hits[0]?.docId;

const fieldsOf = async (collection: string) => {
  const keys = await allKeys(lore.databases.knowledge, `llama_index/vector_store/${collection}/*`);
  const all = await lore.databases.knowledge.pipeline<string[]>(keys.map((key) => ['HKEYS', key]));
  return [...new Set(all.flat())].sort();
};

const indexesOf = async (collection: string) =>
  (await lore.databases.knowledge.send<string[]>(['FT._LIST']))
    .filter((index) => index.startsWith(`stacklore:index:${collection}:`))
    .sort();

const vectorBytes = async (collection: string) => {
  const keys = await allKeys(lore.databases.knowledge, `llama_index/vector_store/${collection}/*`);
  const all = await lore.databases.knowledge.pipeline<number>(
    keys.map((key) => ['HSTRLEN', key, 'embedding']),
  );
  return [...new Set(all)];
};

describe('another model', () => {
  it('is built beside the live index, compared, switched to and finished', async () => {
    await publish(lore, 'model');
    const before = await fieldsOf('model');
    const built = await other.reindex('model', {
      reembed: true,
      buildOnly: true,
      queries: ['when do sessions expire?', 'nightly backup'],
      liveEmbedder: async () => small,
    });
    expect(built).toMatchObject({ state: 'built', chunks: 4, warnings: [] });
    expect(built.comparison).toMatchObject({ queries: 2, overlap: 1, sameFirst: 1 });
    // The live one goes on for programs that know it, and for those that read the schema.
    expect(await first(lore, 'model', 'when do sessions expire?')).toBe('model-sessions');
    expect(await vectorBytes('model')).toEqual([256]);

    await publish(lore, 'model', { late: 'Invoices are due within thirty days.' });
    const switched = await other.reindex('model');
    expect(switched).toMatchObject({ state: 'switched', chunks: 1 });
    expect(await first(other, 'model', 'when do sessions expire?')).toBe('model-sessions');
    expect(await first(other, 'model', 'invoices due')).toBe('model-late');
    // Who has read the manifest before the switch still asks the index that it describes.
    expect(await first(lore, 'model', 'invoices due')).toBe('model-late');
    await lore.collections.get('model');
    await expect(first(lore, 'model', 'invoices')).rejects.toMatchObject({ code: 'manifest_mismatch' });
    await publish(other, 'model', { later: 'Parcels arrive on Fridays.' });
    expect(await first(other, 'model', 'parcels on Fridays')).toBe('model-later');

    expect(await other.reindex('model', { finish: true })).toMatchObject({ state: 'finished' });
    expect(await vectorBytes('model')).toEqual([384]);
    expect(await fieldsOf('model')).toEqual(before);
    expect(await indexesOf('model')).toEqual(['stacklore:index:model:3']);
    for (const [query, docId] of [
      ['when do sessions expire?', 'model-sessions'],
      ['parcels on Fridays', 'model-later'],
    ] as const) {
      expect(await first(other, 'model', query)).toBe(docId);
    }
    expect(await allKeys(lore.databases.knowledge, 'stacklore:reindex*')).toEqual([]);
    // Nothing is embedded again by the next ingest.
    const again = await other.ingestTexts(
      [{ text: TEXTS.errors as string, source: 'errors.md', docId: 'model-errors', title: 'errors' }],
      { collection: 'model' },
    );
    expect(again).toMatchObject({ counts: { unchanged: 1 } });
    const [key] = await allKeys(lore.databases.knowledge, 'llama_index/vector_store/model/model-errors*');
    const stored = await lore.databases.knowledge.send<Buffer>(['HGET', key as string, 'embedding'], {
      buffers: true,
    });
    const [made] = await large.embedTexts([`errors\n${TEXTS.errors}`]);
    expect(chunkRecord.fields.embedding.decode(stored)).toEqual(made);
  });

  it('is rolled back with what was published since', async () => {
    await publish(lore, 'back');
    const before = await fieldsOf('back');
    await other.reindex('back', { reembed: true });
    await publish(other, 'back', { later: 'Parcels arrive on Fridays.' });
    await expect(other.reindex('back', { rollback: true })).rejects.toMatchObject({
      code: 'manifest_mismatch',
      message: expect.stringContaining('fake/bag-of-words'),
    });
    expect(await lore.reindex('back', { rollback: true })).toMatchObject({ state: 'rolled-back', chunks: 1 });
    expect(await first(lore, 'back', 'parcels on Fridays')).toBe('back-later');
    expect(await first(lore, 'back', 'when do sessions expire?')).toBe('back-sessions');
    expect(await fieldsOf('back')).toEqual(before);
    expect(await vectorBytes('back')).toEqual([256]);
    expect(await indexesOf('back')).toEqual(['stacklore:index:back:1']);
  });
});
