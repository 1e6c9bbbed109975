import { beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../../src/config.ts';
import type { StackloreError } from '../../../src/errors.ts';
import { vectorFieldCheck } from '../../../src/maintenance/doctor/vector-fields.ts';
import type { Stacklore } from '../../../src/stacklore.ts';
import { convertVectors } from '../../../src/stores/knowledge/stored-vectors.ts';
import { VectorIndex } from '../../../src/stores/knowledge/vector-index.ts';
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
    const [key = '', bad = ''] = await keysOf('mended');
    const halves = Buffer.from(Float32Array.from({ length: 64 }, () => 0.5).buffer);
    await lore.databases.knowledge.send(['HSET', key, 'embedding', halves]);
    expect(await problemsOf('mended')).toEqual([
      expect.stringContaining('1 chunks of collection mended are not in its index'),
      expect.stringContaining('1 chunks of collection mended lack the float16 form'),
    ]);
    await lore.maintenance.diagnose({ fix: true });
    expect(await problemsOf('mended')).toEqual([]);
    expect(await stored('mended')).toEqual({ embedding: [FLOAT16] });
    // All its numbers would be zero.
    await lore.databases.knowledge.pipeline([
      ['HSET', bad, 'embedding', Buffer.alloc(FLOAT32, 1)],
      ['HSET', key, 'embedding', halves],
    ]);
    await lore.maintenance.diagnose({ fix: true });
    expect((await problemsOf('mended')).join()).toContain(`lack the float16 form of their vector: ${bad}`);
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

  it('is mended by what it is at that moment, not by what it was when the doctor looked', async () => {
    const collection = await lore.createCollection('looked', { vectorType: 'float16' });
    await publish(lore, 'looked');
    const [key = ''] = await keysOf('looked');
    const { databases, collections } = lore;
    await databases.knowledge.send(['HSET', key, 'embedding', Buffer.alloc(FLOAT32, 0x3c)]);
    const [problem] = await vectorFieldCheck.find({
      ...{ databases, collections, known: [collection], unreadable: [], pace: {}, model: {} },
      ...{
        reachable: ['knowledge'],
        config: loadConfig({ env: {} }),
        vectorIndex: new VectorIndex(databases.knowledge),
      },
    });
    await lore.reindex('looked', { vectorType: 'float32' });
    await lore.reindex('looked', { finish: true });
    expect(await problem?.repair?.()).toBe(true);
    expect(await stored('looked')).toEqual({ embedding: [FLOAT32] });
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

describe('vectors that float16 would make infinite or zero', () => {
  const odd = [Float32Array.of(1e6, 1, 0, 0), Float32Array.of(1e-9, 0, 0, 0)];
  const refused = { code: 'invalid_vector', message: expect.stringContaining('float16') };
  const store = async (collection: string, vector: Float32Array) =>
    lore.documents.replace(
      await lore.collections.get(collection),
      {
        ...{ docId: `${collection}-odd`, title: 'Odd', source: 'odd.md', contentType: 'text' },
        wordCount: 1,
        hash: 'h',
      },
      [{ text: 'odd' }],
      [vector],
    );

  it('are neither stored nor asked with', async () => {
    await lore.createCollection('narrow', { dimensions: 4, vectorType: 'float16' });
    for (const vector of odd) {
      await expect(store('narrow', vector)).rejects.toMatchObject(refused);
      await expect(lore.search({ vector, collection: 'narrow' })).rejects.toMatchObject(refused);
    }
    await store('narrow', Float32Array.of(1e-6, 0, 0, 6e4));
  });

  it('keep a collection at float32, which goes on answering', async () => {
    await lore.createCollection('broad', { dimensions: 4 });
    for (const vector of odd) {
      await store('broad', vector);
      await expect(lore.reindex('broad', { vectorType: 'float16' })).rejects.toMatchObject({
        ...refused,
        message: expect.stringContaining('broad-odd_chunk_0'),
      });
      expect((await lore.search({ vector, collection: 'broad' })).hits).toHaveLength(1);
    }
    await lore.reindex('broad', { rollback: true });
  });
});
