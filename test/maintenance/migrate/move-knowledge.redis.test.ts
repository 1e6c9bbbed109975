import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { StackloreError } from '../../../src/errors.ts';
import type { MoveReport } from '../../../src/maintenance/migrate/move-knowledge.ts';
import { openPlace } from '../../../src/maintenance/migrate/place.ts';
import type { Database } from '../../../src/redis/databases.ts';
import type { Stacklore } from '../../../src/stacklore.ts';
import { aliasOf } from '../../../src/stores/knowledge/index-aliases.ts';
import { allKeys, openTestLore } from '../../support/lore.ts';
import { usePrivateRedis } from '../../support/redis.ts';

const redis = usePrivateRedis();
const other = usePrivateRedis();
let lore: Stacklore;
let far: Stacklore;
const opened: Database[] = [];

/** A database beside the named ones, for a test to write what other programs would. */
function numbered(number: number): Database {
  const database = openPlace(
    lore.databases.knowledge,
    { url: undefined, number, setting: 'test' },
    lore.config,
  );
  opened.push(database);
  return database;
}

const migrate = async (request: Parameters<Stacklore['maintenance']['migrate']>[0], at = lore) =>
  (await at.maintenance.migrate(request)) as MoveReport;

/** A vector of the collection's dimensions that is no UTF-8. */
const bytesOf = (...values: number[]) => Buffer.from(new Float32Array(values).buffer);

/** What another program of the schema writes: a document of two chunks and its entry in the index. */
async function writeDocument(database: Database, collection: string, docId: string): Promise<void> {
  for (const n of [0, 1]) {
    await database.send([
      ...['HSET', `llama_index/vector_store/${collection}/${docId}_chunk_${n}`],
      ...[
        'embedding',
        bytesOf(0.5, n + 0.25, -1.5, 3e-9),
        'text',
        `text ${n}`,
        'raw',
        Buffer.from([0, 255, 13, 10]),
      ],
      ...[
        'metadata',
        `{"source":"${docId}.md","chunk_index":${n}}`,
        'doc_id',
        docId,
        'node_id',
        `node-${docId}-${n}`,
      ],
    ]);
  }
  await database.send([
    ...['HSET', `doc:${docId}:metadata`, 'title', docId, 'source', `${docId}.md`, 'content_type', 'markdown'],
    ...['created_at', '2025-01-15T10:30:00Z', 'updated_at', '2025-01-15T10:30:00Z', 'chunk_count', '2'],
    ...['word_count', '4', 'hash', `hash-${docId}`, 'collection', collection],
  ]);
  await database.send(['ZADD', 'index:documents', '1736937000', docId]);
}

/** Ends every connection of both servers but the one that says so. */
async function breakAll(): Promise<void> {
  for (const { databases } of [lore, far])
    await databases.analytics.send(['CLIENT', 'KILL', 'SKIPME', 'yes']);
}

beforeAll(async () => {
  lore = openTestLore(redis);
  far = openTestLore(other);
  await lore.databases.main.send(['PING']);
});
afterAll(() => Promise.all(opened.map((database) => database.close())));

describe('migrate from another number of the same server', () => {
  it('copies every record byte for byte with its expiry, and leaves the source as it is', async () => {
    const source = numbered(1);
    await writeDocument(source, 'copied', 'c1');
    await source.send([
      'HSET',
      'fact:copied',
      'content',
      'One says so.',
      'category',
      'x',
      'confidence',
      '0.9',
    ]);
    await source.send(['PEXPIREAT', 'fact:copied', '1999999999123']);
    await source.send(['SET', 'session:stays', 'not knowledge']);

    const report = await migrate({ fromNumber: 1 });

    expect(report).toMatchObject({
      copied: 5,
      alreadyThere: 0,
      verified: 5,
      removed: 0,
      uncreated: ['copied'],
    });
    const { knowledge } = lore.databases;
    const chunk = 'llama_index/vector_store/copied/c1_chunk_1';
    expect(await knowledge.send(['HMGET', chunk, 'embedding', 'raw'], { buffers: true })).toEqual([
      bytesOf(0.5, 1.25, -1.5, 3e-9),
      Buffer.from([0, 255, 13, 10]),
    ]);
    expect(await knowledge.send(['PEXPIRETIME', 'fact:copied'])).toBe(1999999999123);
    expect(await knowledge.send(['ZSCORE', 'index:documents', 'c1'])).toBe('1736937000');
    expect(await knowledge.send(['EXISTS', 'session:stays'])).toBe(0);
    expect(await source.send(['DBSIZE'])).toBe(6);
  });

  it('finds all equal when it is repeated, and with move removes from the source what is equal', async () => {
    expect(await migrate({ fromNumber: 1 })).toMatchObject({ copied: 0, alreadyThere: 5, verified: 5 });
    expect(await migrate({ fromNumber: 1, move: true })).toMatchObject({
      copied: 0,
      verified: 5,
      removed: 5,
    });
    expect(await allKeys(numbered(1), '*')).toEqual(['session:stays']);
    expect(await migrate({ fromNumber: 1, move: true })).toMatchObject({
      copied: 0,
      verified: 0,
      removed: 0,
    });
  });

  it('makes the chunks searchable once their collection is there', async () => {
    const source = numbered(3);
    await writeDocument(source, 'given', 'g1');
    await lore.createCollection('given', { dimensions: 4 });
    const { version } = await lore.collections.get('given');

    expect(await migrate({ fromNumber: 3, move: true })).toMatchObject({ removed: 4, uncreated: [] });

    const vector = new Float32Array([0.5, 1.25, -1.5, 3e-9]);
    const { hits } = await lore.search({ vector, collection: 'given', topK: 5 });
    expect(hits.map(({ nodeId }) => nodeId)).toEqual(['node-g1-1', 'node-g1-0']);
    expect((await lore.collections.get('given')).version).toBeGreaterThan(version);
  });

  it('keeps facts searchable that were removed from the other number', async () => {
    const source = numbered(4);
    await lore.addFact({ content: 'A loan lasts 21 days.', category: 'library', source: 'x', confidence: 1 });
    await source.send([
      ...['HSET', 'fact:moved', 'content', 'The pier is wooden.', 'category', 'harbour', 'confidence', '0.5'],
      ...['source', 'y', 'created_at', '2025-01-15T10:30:00Z', 'verified', 'true'],
    ]);

    await migrate({ fromNumber: 4, move: true });

    const { items } = await lore.facts.list({ category: 'harbour' });
    expect(items.map(({ factId }) => factId)).toEqual(['moved']);
  });

  it('copies what cannot be UTF-8 keys and lists bigger than a page', async () => {
    const source = numbered(5);
    const key = Buffer.concat([Buffer.from('fact:'), Buffer.from([0xff, 0xfe])]);
    await source.send(['HSET', key, 'content', 'odd']);
    const ids = Array.from({ length: 1_500 }, (_, n) => `many-${n}`);
    await source.send(['ZADD', 'index:documents', ...ids.flatMap((id, n) => [String(n), id])]);
    await source.send(['HSET', 'stacklore:hashes:many', ...ids.flatMap((id) => [`hash-${id}`, id])]);

    expect(await migrate({ fromNumber: 5, move: true })).toMatchObject({ copied: 3_001, removed: 3 });

    const { knowledge } = lore.databases;
    expect(await knowledge.send(['HGET', key, 'content'])).toBe('odd');
    expect(await knowledge.send(['ZSCORE', 'index:documents', 'many-1499'])).toBe('1499');
    expect(await source.send(['DBSIZE'])).toBe(0);
  });

  it('only tells with a dry run', async () => {
    const source = numbered(6);
    await writeDocument(source, 'dry', 'd1');

    expect(await migrate({ fromNumber: 6, dryRun: true, move: true })).toMatchObject({
      dryRun: true,
      copied: 4,
      verified: 0,
      removed: 0,
      families: expect.arrayContaining([expect.objectContaining({ family: 'chunk', copied: 2 })]),
    });

    expect(await allKeys(lore.databases.knowledge, '*d1*')).toEqual([]);
    expect(await source.send(['DBSIZE'])).toBe(4);
  });
});

describe('a collection of the target that cannot be read', () => {
  it('is told, and the rest is moved and indexed', async () => {
    const { knowledge } = lore.databases;
    await lore.createCollection('sound', { dimensions: 4 });
    for (const name of ['torn', 'wrong']) await lore.createCollection(name, { dimensions: 4 });
    await knowledge.send(['HSET', 'stacklore:collection:torn', 'manifest', '{']);
    await knowledge.send(['UNLINK', 'stacklore:collection:wrong']);
    await knowledge.send(['SET', 'stacklore:collection:wrong', 'text']);
    const source = numbered(7);
    await writeDocument(source, 'sound', 'n1');
    await writeDocument(source, 'torn', 'n2');
    try {
      const dry = await migrate({ fromNumber: 7, dryRun: true });
      const report = await migrate({ fromNumber: 7, move: true });

      for (const { unreadable, uncreated } of [dry, report]) {
        expect(uncreated).toEqual([]);
        expect(unreadable).toEqual([
          { key: 'stacklore:collection:torn', problem: expect.stringMatching(/manifest/) },
          { key: 'stacklore:collection:wrong', problem: expect.stringMatching(/a string, not a hash/) },
        ]);
      }
      expect(report).toMatchObject({ removed: 7, unequal: { count: 0 } });
      const vector = new Float32Array([0.5, 1.25, -1.5, 3e-9]);
      const { hits } = await lore.search({ vector, collection: 'sound', topK: 5 });
      expect(hits).toHaveLength(2);
    } finally {
      for (const name of ['torn', 'wrong']) await lore.collections.delete(name);
      await lore.dropCollection('sound');
    }
  });
});

describe('migrate from another server', () => {
  it('moves a collection as it is, and searches find it at once', async () => {
    await lore.ingestTexts(
      [
        { docId: 'lamp', source: 'lamp.md', text: 'The lamp is lit at dusk.' },
        { docId: 'pier', source: 'pier.md', text: 'The pier reaches far into the bay.' },
      ],
      { collection: 'harbour' },
    );
    const { createdAt, version } = await lore.collections.get('harbour');

    const report = await migrate({ fromUrl: redis.url }, far);

    expect(report.unequal.count).toBe(0);
    expect(report.families).toEqual(
      expect.arrayContaining([expect.objectContaining({ family: 'collection', copied: 2 })]),
    );
    const { hits } = await far.search({ query: 'lamp dusk', collection: 'harbour', topK: 1 });
    expect(hits[0]).toMatchObject({ docId: 'lamp' });
    const collection = await far.collections.get('harbour');
    expect(collection.createdAt).toEqual(createdAt);
    expect(collection.version).toBeGreaterThan(version);
  });

  it('puts collections together that were made alike, and never takes a version back', async () => {
    await far.ingestTexts([{ docId: 'buoy', source: 'buoy.md', text: 'A red buoy.' }], {
      collection: 'harbour',
    });
    await lore.ingestTexts([{ docId: 'crane', source: 'crane.md', text: 'A tall crane.' }], {
      collection: 'harbour',
    });
    const before = await far.collections.get('harbour');

    const report = await migrate({ fromUrl: redis.url }, far);

    expect(report.unequal.count).toBe(0);
    expect((await far.collections.get('harbour')).version).toBeGreaterThan(before.version);
    expect((await far.documents.list('harbour')).items.map(({ docId }) => docId).sort()).toEqual([
      'buoy',
      'crane',
      'lamp',
      'pier',
    ]);
  });

  it('goes on after an interruption where it was', async () => {
    const source = openPlace(
      lore.databases.knowledge,
      { url: redis.url, number: 8, setting: 'x' },
      lore.config,
    );
    opened.push(source);
    for (let n = 0; n < 30; n += 1) await writeDocument(source, 'halted', `h${n}`);
    const stop = new AbortController();
    const interrupted = migrate(
      {
        fromUrl: redis.url,
        fromNumber: 8,
        move: true,
        signal: stop.signal,
        onProgress: ({ database }) => database === 'verify' || (database === 'copy' && stop.abort()),
      },
      far,
    );

    await expect(interrupted).rejects.toMatchObject({
      code: 'aborted',
      message: expect.stringMatching(/Repeat the same command/),
    });
    expect(await source.send(['DBSIZE'])).toBe(91);
    expect(await migrate({ fromUrl: redis.url, fromNumber: 8, move: true }, far)).toMatchObject({
      copied: expect.any(Number),
      verified: 91,
      removed: 91,
      unequal: { count: 0, keys: [] },
    });
    expect(await source.send(['DBSIZE'])).toBe(0);
    expect(await allKeys(far.databases.knowledge, 'doc:h*:metadata')).toHaveLength(30);
  });

  it('loses and keeps nothing twice, wherever it is stopped', async () => {
    const source = numbered(11);
    for (let n = 0; n < 120; n += 1) await writeDocument(source, 'halts', `s${n}`);
    let stops = 0;
    for (let most = 1; ; most += 2) {
      let checks = 0;
      const signal = Object.defineProperty(new AbortController().signal, 'aborted', {
        get: () => {
          checks += 1;
          return checks > most;
        },
      });
      const done = await migrate({ fromNumber: 11, move: true, signal }).catch((error: unknown) => {
        expect(error).toMatchObject({ code: 'aborted' });
        return undefined;
      });
      if (done) break;
      stops += 1;
      const keys = await allKeys(source, '*');
      const kept = new Set([...keys, ...(await allKeys(lore.databases.knowledge, '*s*'))]);
      expect([...kept].filter((key) => /s\d+(_chunk_\d|:metadata)$/.test(key))).toHaveLength(360);
    }

    expect(stops).toBeGreaterThan(3);
    expect(await source.send(['DBSIZE'])).toBe(0);
    expect(await allKeys(lore.databases.knowledge, 'llama_index/vector_store/halts/*')).toHaveLength(240);
  });

  it('loses nothing when the connections break midway', async () => {
    const source = numbered(12);
    for (let n = 0; n < 60; n += 1) await writeDocument(source, 'broken', `b${n}`);
    const request = { fromUrl: redis.url, fromNumber: 12, move: true };
    for (const phase of ['compare', 'copy', 'verify']) {
      const onProgress = ({ database }: { database: string }) => {
        if (database === phase) kills.push(breakAll());
      };
      const kills: Promise<unknown>[] = [];
      await migrate({ ...request, onProgress }, far).catch((error: unknown) => {
        expect(error).toBeInstanceOf(StackloreError);
      });
      await Promise.all(kills);
      expect(kills.length).toBeGreaterThan(0);
      // The next command of a connection that was idle meanwhile finds out.
      for (const one of [source, lore.databases.knowledge, far.databases.knowledge]) {
        await one.send(['PING']).catch(() => undefined);
      }
    }

    await migrate(request, far);

    expect(await source.send(['DBSIZE'])).toBe(0);
    expect(await allKeys(far.databases.knowledge, 'llama_index/vector_store/broken/*')).toHaveLength(120);
    expect(await far.databases.knowledge.send(['ZSCORE', 'index:documents', 'b59'])).toBe('1736937000');
  });

  it('finishes the index of an interrupted move when nothing is left to move', async () => {
    const { index, name } = await lore.collections.get('given');
    await lore.databases.knowledge.send(['FT.DROPINDEX', index]);

    await migrate({ fromNumber: 3, move: true });

    expect(await lore.databases.knowledge.send(['FT.INFO', aliasOf(name)])).toBeInstanceOf(Array);
  });
});

describe('migrate refuses', () => {
  it('the database knowledge is in, under whatever URL', async () => {
    for (const request of [
      { fromNumber: 0 },
      { fromUrl: redis.url },
      { fromUrl: `unix:${redis.socketPath}` },
    ]) {
      await expect(migrate({ ...request, move: true })).rejects.toMatchObject({
        code: 'invalid_input',
        message: expect.stringMatching(/nothing to move/),
      });
    }
  });

  it('a target that cannot be indexed, and says how to go on', async () => {
    const unindexed = openTestLore(redis, { databases: { knowledge: { number: 13 } } });

    await expect(migrate({ fromNumber: 0 }, unindexed)).rejects.toMatchObject({
      code: 'search_unavailable',
      message: expect.stringContaining('stacklore migrate --from-number'),
    });
    expect(await numbered(13).send(['DBSIZE'])).toBe(0);
  });

  it('keys that hold something else at the target, with nothing written', async () => {
    const source = numbered(9);
    await writeDocument(source, 'clash', 'k1');
    await lore.databases.knowledge.send(['HSET', 'doc:k1:metadata', 'title', 'another']);

    await expect(migrate({ fromNumber: 9, move: true })).rejects.toMatchObject({
      code: 'already_exists',
      message: expect.stringMatching(/"doc:k1:metadata"/),
    });
    expect(await allKeys(lore.databases.knowledge, '*k1*')).toEqual(['doc:k1:metadata']);
    expect(await source.send(['DBSIZE'])).toBe(4);
  });

  it('a collection that was made otherwise at the target', async () => {
    await lore.createCollection('unlike', { dimensions: 4 });
    await far.createCollection('unlike', { dimensions: 8 });

    await expect(migrate({ fromUrl: redis.url }, far)).rejects.toMatchObject({
      code: 'manifest_mismatch',
      message: expect.stringMatching(/"unlike"/),
    });
  });

  it('an index of documents that is of another type', async () => {
    const source = numbered(10);
    await source.send(['SET', 'index:documents', 'text']);

    await expect(migrate({ fromNumber: 10 })).rejects.toMatchObject({
      code: 'record_invalid',
      message: expect.stringMatching(/index:documents.*in the source it holds a string, not a zset/),
    });
  });

  it.each([
    [{}, /say where the records are/],
    [{ fromNumber: -1 }, /fromNumber: must be at least 0/],
    [{ fromNumber: 1, prefix: 'x' }, /prefix does not go with the layout stacklore/],
    [{ fromNumber: 1, collection: 'docs' }, /collection does not go with/],
    [{ fromNumber: 1, reembed: true }, /reembed does not go with/],
    [{ layout: 'jsonl' as const }, /name the file to read/],
    [{ layout: 'langchain' as const }, /what the keys begin with/],
    [{ layout: 'redisvl' as const, prefix: 'a', move: true }, /move does not go with the layout redisvl/],
    [{ layout: 'other' as never }, /must be stacklore/],
  ])('the request %j', async (request, message) => {
    await expect(migrate(request)).rejects.toMatchObject({
      code: 'invalid_input',
      message: expect.stringMatching(message),
    });
  });

  it('a URL that is none or leads nowhere', async () => {
    await expect(migrate({ fromUrl: 'http://x' })).rejects.toMatchObject({ code: 'invalid_config' });
    const nowhere = openTestLore(redis, { connectTimeoutMs: 300 });
    await expect(migrate({ fromUrl: 'unix:/nonexistent/redis.sock' }, nowhere)).rejects.toMatchObject({
      code: 'database_unreachable',
    });
  });
});
