import { beforeAll, describe, expect, it } from 'vitest';
import type { Database } from '../../../src/redis/databases.ts';
import type { Stacklore } from '../../../src/stacklore.ts';
import type { NewDocument } from '../../../src/stores/knowledge/document.ts';
import { Documents } from '../../../src/stores/knowledge/documents.ts';
import { allKeys, openTestLore } from '../../support/lore.ts';
import { passThrough } from '../../support/pass-through.ts';
import { usePrivateRedis } from '../../support/redis.ts';

const redis = usePrivateRedis();
let lore: Stacklore;
let other: Stacklore;
let knowledge: Database;

beforeAll(() => {
  lore = openTestLore(redis);
  other = openTestLore(redis);
  knowledge = lore.databases.knowledge;
});

const document = (docId: string, metadata: Record<string, unknown> = {}): NewDocument => ({
  ...{ docId, title: docId, source: `${docId}.md`, contentType: 'markdown', wordCount: 1 },
  ...{ hash: `hash of ${docId}`, metadata },
});
const texts = (count: number) => Array.from({ length: count }, (_, n) => ({ text: `chunk ${n}` }));
const vectors = (count: number) => Array.from({ length: count }, () => Float32Array.of(1, 0));
const YEAR = { name: 'year', type: 'number' } as const;

describe('a collection that was dropped and made anew', () => {
  it('takes nothing from a writer that opened the one before', async () => {
    const before = await lore.createCollection('anew', { dimensions: 2 });
    await other.dropCollection('anew');
    await new Promise((resolve) => setTimeout(resolve, 5));
    const after = await other.createCollection('anew', { dimensions: 2 });
    const attempt = lore.documents.replace(before, document('late'), texts(2), vectors(2));
    await expect(attempt).rejects.toMatchObject({
      code: 'not_found',
      message: expect.stringContaining('dropped'),
    });
    expect(await allKeys(knowledge, '*late*')).toEqual([]);
    expect(await lore.documents.count('anew')).toBe(0);
    expect((await lore.collections.get('anew')).createdAt).toEqual(after.createdAt);
  });
});

describe('one id published into two collections at the same time', () => {
  it('belongs to one of them, and the other keeps nothing of it', async () => {
    const names = ['left', 'right'];
    const [left, right] = await Promise.all(
      names.map((name) => lore.createCollection(name, { dimensions: 2 })),
    );
    if (!left || !right) throw new Error('two collections were asked for');
    for (let round = 0; round < 10; round += 1) {
      const docId = `torn-${round}`;
      await Promise.allSettled([
        lore.documents.replace(left, document(docId), texts(3), vectors(3)),
        other.documents.replace(right, document(docId), texts(2), vectors(2)),
      ]);
      const { collection: owner = '', chunkCount } = await lore.documents.get(docId);
      const loser = owner === 'left' ? 'right' : 'left';
      expect(await allKeys(knowledge, `llama_index/vector_store/*/${docId}_chunk_*`)).toEqual(
        texts(chunkCount).map((_, n) => `llama_index/vector_store/${owner}/${docId}_chunk_${n}`),
      );
      expect(await knowledge.send(['ZSCORE', `stacklore:documents:${loser}`, docId])).toBeNull();
      expect(await lore.documents.findByHash(loser, `hash of ${docId}`)).toBeUndefined();
    }
  });
});

describe('fields declared while others write', () => {
  it('are stored by a writer that opened the collection before', async () => {
    const before = await lore.createCollection('older', { dimensions: 2 });
    await other.addFields('older', [YEAR]);
    await lore.documents.replace(before, document('slow', { year: 1999 }), texts(2), vectors(2));
    for (const n of [0, 1]) {
      const key = `llama_index/vector_store/older/slow_chunk_${n}`;
      expect(await knowledge.send(['HGET', key, 'meta_year'])).toBe('1999');
    }
  });

  it('are all kept when two programs declare different ones at once', async () => {
    await lore.createCollection('both', { dimensions: 2 });
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    await Promise.all(
      names.map((name, at) => (at % 2 ? lore : other).addFields('both', [{ name, type: 'tag' }])),
    );
    const { manifest } = await lore.collections.get('both');
    expect(manifest.fields.map(({ name }) => name).sort()).toEqual(names);
  });

  it('do not bring back a collection that was dropped meanwhile', async () => {
    const collection = await lore.createCollection('vanished', { dimensions: 2 });
    await other.dropCollection('vanished');
    const manifest = { ...collection.manifest, fields: [YEAR] };
    expect(await lore.collections.saveManifest(collection, manifest)).toBeUndefined();
    expect(await lore.collections.find('vanished')).toBeUndefined();
    expect(await allKeys(knowledge, '*vanished*')).toEqual([]);
  });

  it('do not bring back an index that another one took the place of meanwhile', async () => {
    const collection = await lore.createCollection('switched', { dimensions: 2 });
    const { manifest, index } = collection;
    expect(await other.collections.saveManifest(collection, manifest, `${index}0`)).toBeDefined();
    expect(await lore.collections.saveManifest(collection, { ...manifest, fields: [YEAR] })).toBeUndefined();
    expect(await lore.collections.get('switched')).toMatchObject({
      index: `${index}0`,
      manifest: { fields: [] },
    });
    await lore.collections.delete('switched');
  });

  it('leave the corpus version of other writers alone', async () => {
    const collection = await lore.createCollection('counted', { dimensions: 2 });
    await other.documents.replace(collection, document('counts'), texts(1), vectors(1));
    await lore.collections.saveManifest(collection, { ...collection.manifest, fields: [YEAR] });
    expect((await lore.collections.get('counted')).version).toBe(1);
  });
});

describe('fields declared after documents were stored', () => {
  const yearOf = (name: string, docId: string) =>
    knowledge.send(['HGET', `llama_index/vector_store/${name}/${docId}_chunk_0`, 'meta_year']);

  it('leave out values that do not fit, and say which', async () => {
    const collection = await lore.createCollection('misfits', { dimensions: 2 });
    for (const [docId, year] of [
      ['m1', 2001],
      ['m2', 'abc'],
      ['m3', '2003'],
    ] as const) {
      await lore.documents.replace(collection, document(docId, { year }), texts(1), vectors(1));
    }
    const { manifest, warnings } = await lore.addFields('misfits', [YEAR, { name: 'lang', type: 'tag' }]);
    expect(manifest.fields).toHaveLength(2);
    expect(warnings).toEqual([expect.stringMatching(/"year".* 1 .*"abc"/s)]);
    expect(await Promise.all(['m1', 'm2', 'm3'].map((docId) => yearOf('misfits', docId)))).toEqual([
      ...['2001', null, '2003'],
    ]);
  });

  it('are filled in by a second call when the first was interrupted', async () => {
    const collection = await lore.createCollection('halfway', { dimensions: 2 });
    await lore.documents.replace(collection, document('h1', { year: 2001 }), texts(1), vectors(1));
    await lore.addFields('halfway', [YEAR]);
    await knowledge.send(['HDEL', 'llama_index/vector_store/halfway/h1_chunk_0', 'meta_year']);
    await lore.addFields('halfway', [YEAR]);
    expect(await yearOf('halfway', 'h1')).toBe('2001');
  });

  it('are filled in for chunks of other programs too', async () => {
    await lore.createCollection('theirs', { dimensions: 2 });
    const key = 'llama_index/vector_store/theirs/x_chunk_0';
    await knowledge.send(['HSET', key, 'text', 'x', 'metadata', '{"year":7}']);
    await knowledge.send(['HSET', 'llama_index/vector_store/theirs/y_chunk_0', 'metadata', 'not json']);
    await knowledge.send(['SET', 'llama_index/vector_store/theirs/z_chunk_0', 'no chunk']);
    expect((await lore.addFields('theirs', [YEAR])).warnings).toEqual([]);
    expect(await yearOf('theirs', 'x')).toBe('7');
  });

  it('find their index again when it was lost, however often they are declared', async () => {
    const collection = await lore.createCollection('indexless', { dimensions: 2 });
    await lore.documents.replace(collection, document('i1', { year: 2001 }), texts(1), vectors(1));
    for (const _time of ['once', 'twice']) {
      await knowledge.send(['FT.DROPINDEX', 'stacklore:index:indexless:1']);
      await lore.addFields('indexless', [YEAR]);
    }
    const request = { vector: Float32Array.of(1, 0), collection: 'indexless', filter: { year: 2001 } };
    expect((await lore.search(request)).hits).toHaveLength(1);
  });

  it('are never written to a chunk that was deleted or replaced since it was read', async () => {
    const collection = await lore.createCollection('races', { dimensions: 2 });
    await lore.documents.replace(collection, document('r1', { year: 1 }), texts(1), vectors(1));
    await lore.documents.replace(collection, document('r2', { year: 1 }), texts(1), vectors(1));
    let isChanged = false;
    const meddled = passThrough(knowledge, {
      async pipeline<T>(...[commands, options]: Parameters<Database['pipeline']>) {
        const replies = await knowledge.pipeline<T>(commands, options);
        if (isChanged || !commands.some(([name]) => name === 'HGET')) return replies;
        isChanged = true;
        await lore.documents.delete('r1');
        await lore.documents.replace(collection, document('r2', { year: 2 }), texts(1), vectors(1));
        return replies;
      },
    });
    await new Documents(meddled).backfillFields(collection, [YEAR]);
    expect(isChanged).toBe(true);
    expect(await allKeys(knowledge, '*r1_chunk*')).toEqual([]);
    expect(await yearOf('races', 'r2')).not.toBe('1');
  });
});

it('gives a transaction more time the more it writes', async () => {
  const collection = await lore.createCollection('patient', { dimensions: 2 });
  const given: number[] = [];
  const watched = passThrough(knowledge, {
    transaction(commands, options) {
      given.push(options?.timeoutMs ?? 0);
      return knowledge.transaction(commands, options);
    },
  });
  const documents = new Documents(watched, { commandTimeoutMs: 1_000 });
  await documents.replace(collection, document('long'), texts(500), vectors(500));
  await documents.delete('long');
  expect(given).toHaveLength(2);
  for (const timeoutMs of given) expect(timeoutMs).toBeGreaterThanOrEqual(2_000);
});
