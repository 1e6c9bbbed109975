import { beforeAll, describe, expect, it } from 'vitest';
import type { StackloreError } from '../../../src/errors.ts';
import type { Stacklore } from '../../../src/stacklore.ts';
import { convertVectors } from '../../../src/stores/knowledge/stored-vectors.ts';
import { FakeEmbedder } from '../../support/fake-embedder.ts';
import { allKeys, openTestLore } from '../../support/lore.ts';
import { usePrivateRedis } from '../../support/redis.ts';

const redis = usePrivateRedis();
let lore: Stacklore;
/** Configured with another model. */
let other: Stacklore;
/** Bytes of a vector of 64 dimensions. */
const [FLOAT32, FLOAT16] = [256, 128];
const TEXTS: Readonly<Record<string, string>> = {
  errors: 'The code E4711 means that the disk is full.',
  sessions: 'Sessions expire after one day. Visits renew them.',
  backups: 'A backup is written each night and kept for a week.',
};

beforeAll(() => {
  lore = openTestLore(redis, {}, { embedder: new FakeEmbedder() });
  other = openTestLore(
    redis,
    {},
    { embedder: new FakeEmbedder({ dimensions: 96, model: { name: 'fake/larger' } }) },
  );
});

async function publish(to: Stacklore, collection: string, texts = TEXTS) {
  for (const [docId, text] of Object.entries(texts)) {
    const document = { text, source: `${docId}.md`, docId: `${collection}-${docId}`, title: docId };
    const { counts } = await to.ingestTexts([document], { collection });
    expect(counts.failed).toBe(0);
  }
}

const nearest = async (from: Stacklore, collection: string, query: string) =>
  (await from.search({ query, collection, mode: 'vector' })).hits[0];

const keysOf = (collection: string) =>
  allKeys(lore.databases.knowledge, `llama_index/vector_store/${collection}/*`);

/** How long the vectors of chunks are, by the field that holds them. */
async function stored(collection: string): Promise<Record<string, number[]>> {
  const lengths: Record<string, number[]> = {};
  for (const field of ['embedding', 'embedding_float16', 'embedding_next']) {
    const asked = (await keysOf(collection)).map((key) => ['HSTRLEN', key, field]);
    const all = new Set(await lore.databases.knowledge.pipeline<number>(asked));
    if (all.size > 1 || !all.has(0)) lengths[field] = [...all].sort();
  }
  return lengths;
}

const problemsOf = async (collection: string) =>
  (await lore.maintenance.diagnose()).findings
    .map(({ what }) => what)
    .filter((what) => new RegExp(`collection ${collection}\\b`).test(what));

const later = { later: 'Parcels arrive on Fridays.' };
const narrowing = { from: 'embedding', to: 'embedding', type: 'float16', dimensions: 64 } as const;

describe.concurrent('a collection that is made with float16 vectors', () => {
  it('stores and finds them, and gives float32 to whoever reads them', async () => {
    await lore.createCollection('small', { vectorType: 'float16', index: 'flat' });
    await lore.createCollection('wide', { index: 'flat' });
    for (const name of ['small', 'wide']) await publish(lore, name);
    expect(await stored('small')).toEqual({ embedding: [FLOAT16] });
    const hit = await nearest(lore, 'small', 'a backup each night');
    const exact = await nearest(lore, 'wide', 'a backup each night');
    expect(hit?.docId).toBe('small-backups');
    expect(hit?.vectorScore).toBeCloseTo(exact?.vectorScore ?? Number.NaN, 3);
    // Hits that words alone found are scored by their stored vectors.
    const [byWords] = (await lore.search({ query: 'E4711', collection: 'small' })).hits;
    expect(byWords).toMatchObject({ docId: 'small-errors', vectorScore: expect.any(Number) });
    await expect(lore.openCollection('small', { vectorType: 'float32' })).rejects.toMatchObject({
      code: 'manifest_mismatch',
    });
  });

  it('takes in what another program wrote as float32, once the doctor has mended it', async () => {
    await lore.createCollection('mended', { vectorType: 'float16', index: 'flat' });
    await publish(lore, 'mended');
    const [key = ''] = await keysOf('mended');
    await lore.databases.knowledge.send(['HSET', key, 'embedding', Buffer.alloc(FLOAT32, 1)]);
    expect(await problemsOf('mended')).toEqual([
      expect.stringContaining('1 chunks of collection mended are not in its index'),
      expect.stringContaining('1 chunks of collection mended lack the float16 form'),
    ]);
    await lore.maintenance.diagnose({ fix: true });
    expect(await problemsOf('mended')).toEqual([]);
    expect(await stored('mended')).toEqual({ embedding: [FLOAT16] });
    await lore.databases.knowledge.send(['HSET', key, 'embedding', 'no vector']);
    expect((await problemsOf('mended')).join()).toContain('no vector of 64 dimensions');
  });

  it('has float16 vectors of another model in the end, and those of before after a roll-back', async () => {
    await lore.createCollection('model', { vectorType: 'float16' });
    await publish(lore, 'model');
    await other.reindex('model', { reembed: true });
    await publish(other, 'model', later);
    expect((await nearest(other, 'model', 'parcels'))?.docId).toBe('model-later');
    await lore.reindex('model', { rollback: true });
    expect(await stored('model')).toEqual({ embedding: [FLOAT16] });
    expect((await nearest(lore, 'model', 'parcels'))?.docId).toBe('model-later');
    await other.collections.get('model');
    await other.reindex('model', { reembed: true });
    await other.reindex('model', { finish: true });
    expect(await stored('model')).toEqual({ embedding: [192] });
    expect((await nearest(other, 'model', 'parcels'))?.docId).toBe('model-later');
  });

  it('can have float32 vectors again', async () => {
    await lore.createCollection('back', { vectorType: 'float16' });
    await publish(lore, 'back');
    await lore.reindex('back', { vectorType: 'float32' });
    await publish(lore, 'back', later);
    expect((await nearest(lore, 'back', 'parcels'))?.docId).toBe('back-later');
    expect((await stored('back')).embedding_next).toEqual([FLOAT32]);
    await lore.reindex('back', { rollback: true });
    expect(await stored('back')).toEqual({ embedding: [FLOAT16] });
    expect((await nearest(lore, 'back', 'parcels'))?.docId).toBe('back-later');
    await lore.reindex('back', { vectorType: 'float32' });
    await lore.reindex('back', { finish: true });
    expect(await stored('back')).toEqual({ embedding: [FLOAT32] });
    expect((await nearest(lore, 'back', 'parcels'))?.docId).toBe('back-later');
    expect((await lore.collections.get('back')).manifest).not.toHaveProperty('storedVectors');
    expect(await problemsOf('back')).toEqual([]);
  });
});

describe.concurrent('a reindex to float16 vectors', () => {
  it('tells what it keeps, can be rolled back, and halves the chunks when it is finished', async () => {
    await publish(lore, 'half', { ...TEXTS, ...Object.fromEntries(manyTexts()) });
    const { plan } = await lore.reindex('half', { vectorType: 'float16', dryRun: true });
    expect(plan?.float16Recall).toBeGreaterThan(0.9);
    expect(plan?.memoryAfterBytes).toBe(-(plan?.chunks ?? 0) * FLOAT16 * 2);
    await lore.reindex('half', { vectorType: 'float16' });
    expect(await stored('half')).toEqual({ embedding: [FLOAT32], embedding_float16: [FLOAT16] });
    await publish(lore, 'half', later);
    await lore.reindex('half', { rollback: true });
    expect(await stored('half')).toEqual({ embedding: [FLOAT32] });
    await lore.reindex('half', { vectorType: 'float16' });
    await lore.reindex('half', { finish: true });
    expect(await stored('half')).toEqual({ embedding: [FLOAT16] });
    expect((await nearest(lore, 'half', 'parcels'))?.docId).toBe('half-later');
    expect(await problemsOf('half')).toEqual([]);
    const { counts } = await lore.ingestTexts(
      [{ text: later.later, source: 'later.md', docId: 'half-later', title: 'later' }],
      { collection: 'half' },
    );
    expect(counts).toMatchObject({ unchanged: 1 });
  });

  it('goes on where its end was interrupted, and reads chunks of both kinds meanwhile', async () => {
    await publish(lore, 'mixed');
    await lore.reindex('mixed', { vectorType: 'float16' });
    const { knowledge } = lore.databases;
    const keys = await keysOf('mixed');
    expect(await convertVectors(knowledge, keys.slice(0, 1), narrowing)).toBe(1);
    expect(await stored('mixed')).toMatchObject({ embedding: [FLOAT16, FLOAT32] });
    for (const docId of ['errors', 'sessions', 'backups']) {
      const { hits } = await lore.search({ query: TEXTS[docId] ?? '', collection: 'mixed', diversity: 0.3 });
      expect(hits[0]?.docId).toBe(`mixed-${docId}`);
      expect(hits[0]?.vectorScore).toBeGreaterThan(0.9);
    }
    // Stopped after its first step, then after its second one, until there is none left.
    for (let last = 1, isFinished = false; !isFinished; last += 1) {
      const stop = new AbortController();
      let steps = 0;
      const onProgress = () => {
        steps += 1;
        if (steps === last) stop.abort();
      };
      isFinished = await lore.reindex('mixed', { finish: true, signal: stop.signal, onProgress }).then(
        ({ state }) => state === 'finished',
        (error: StackloreError) => {
          expect(error.code).toBe('aborted');
          return false;
        },
      );
      await lore.collections.get('mixed');
      expect((await nearest(lore, 'mixed', TEXTS.backups ?? ''))?.docId).toBe('mixed-backups');
    }
    expect(await stored('mixed')).toEqual({ embedding: [FLOAT16] });
    expect(await convertVectors(knowledge, keys, narrowing)).toBe(0);
    expect(await problemsOf('mixed')).toEqual([]);
  });

  it('catches up with a writer that had opened the collection before it', async () => {
    await publish(lore, 'writer');
    const opened = await lore.openCollection('writer');
    await lore.reindex('writer', { vectorType: 'float16' });
    await lore.reindex('writer', { finish: true });
    const [embedding] = await new FakeEmbedder().embedTexts([later.later]);
    if (!embedding) throw new Error('no vector');
    const document = { docId: 'writer-later', title: 'later', source: 'later.md', contentType: 'text' };
    await lore.documents.replace(
      opened,
      { ...document, wordCount: 4, hash: 'h' },
      [{ text: later.later }],
      [embedding],
    );
    expect(await stored('writer')).toEqual({ embedding: [FLOAT16] });
    expect((await nearest(lore, 'writer', 'parcels'))?.docId).toBe('writer-later');
  });

  it('halves the chunks of a collection that an earlier version has given two forms', async () => {
    await publish(lore, 'earlier');
    await lore.reindex('earlier', { vectorType: 'float16' });
    await lore.databases.knowledge.send(['UNLINK', 'stacklore:reindex:earlier']);
    await publish(lore, 'earlier', later);
    const both = { embedding: [FLOAT32], embedding_float16: [FLOAT16] };
    expect(await stored('earlier')).toEqual(both);
    await lore.reindex('earlier', { language: 'french' });
    await lore.reindex('earlier', { finish: true });
    expect(await stored('earlier')).toEqual(both);
    await lore.reindex('earlier', { vectorType: 'float16' });
    await lore.reindex('earlier', { finish: true });
    expect(await stored('earlier')).toEqual({ embedding: [FLOAT16] });
    expect((await nearest(lore, 'earlier', 'parcels'))?.docId).toBe('earlier-later');
    expect(await problemsOf('earlier')).toEqual([]);
  });
});

function manyTexts(): [string, string][] {
  return Array.from({ length: 20 }, (_, n) => [`n${n}`, `Note ${n} speaks of subject${n}.`]);
}
