import { beforeAll, describe, expect, it } from 'vitest';
import { chunkRecord } from '../../../src/schema/knowledge.ts';
import type { Stacklore } from '../../../src/stacklore.ts';
import { createCommand } from '../../../src/stores/knowledge/index-command.ts';
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

/** What the doctor finds wrong with a collection, or could not look at. */
const problemsOf = async (collection: string) => {
  const { findings } = await other.maintenance.diagnose();
  return findings
    .map(({ what }) => what)
    .filter((what) => !/made with model/.test(what))
    .filter((what) => new RegExp(`\\b${collection}\\b|could not be made`).test(what));
};

const vectorBytes = async (collection: string) => {
  const keys = await allKeys(lore.databases.knowledge, `llama_index/vector_store/${collection}/*`);
  const all = await lore.databases.knowledge.pipeline<number>(
    keys.map((key) => ['HSTRLEN', key, 'embedding']),
  );
  return [...new Set(all)];
};

describe.concurrent('another model', () => {
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

    expect(await problemsOf('model')).toEqual([]);
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
    expect(await allKeys(lore.databases.knowledge, 'stacklore:reindex*:model')).toEqual([]);
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

  it('embeds what ingest would, titles and headings included', async () => {
    const folders = ['public-services', 'software', 'policies'].map((name) => `fixtures/documents/${name}`);
    await lore.ingest({ sources: folders, collection: 'inputs' });
    const twin = openTestLore(redis, {}, { embedder: new FakeEmbedder({ model: { name: 'fake/twin' } }) });
    const { chunks } = await twin.reindex('inputs', { reembed: true, buildOnly: true });
    const keys = await allKeys(lore.databases.knowledge, 'llama_index/vector_store/inputs/*');
    expect(keys.length).toBeGreaterThan(50);
    expect(chunks).toBe(keys.length);
    const vectors = await lore.databases.knowledge.pipeline<Buffer[]>(
      keys.map((key) => ['HMGET', key, 'embedding', 'embedding_next']),
      { buffers: true },
    );
    const differing = keys.filter((_, at) => !vectors[at]?.[0]?.equals(vectors[at]?.[1] as Buffer));
    expect(differing).toEqual([]);
  });

  it('takes in chunks of other programs, and counts those that hold no text', async () => {
    await publish(lore, 'others', { own: 'Sessions expire after one day.' });
    const { knowledge } = lore.databases;
    const prefix = 'llama_index/vector_store/others/theirs_chunk_';
    const embedding = Buffer.from((await small.embedQuery('boats')).buffer);
    await knowledge.send([
      ...['HSET', `${prefix}0`, 'text', 'Boats are moored at night.', 'metadata', '{"source":"b.md"}'],
      ...['doc_id', 'theirs', 'node_id', 'n0', 'embedding', embedding],
    ]);
    await knowledge.send(['HSET', `${prefix}1`, 'doc_id', 'theirs', 'node_id', 'n1', 'embedding', embedding]);
    const { chunks, warnings } = await other.reindex('others', { reembed: true });
    expect(chunks).toBe(2);
    expect(warnings).toEqual([expect.stringMatching(/^1 chunk holds no text/)]);
    expect(await first(other, 'others', 'boats at night')).toBe('theirs');
    expect((await other.reindex('others', { finish: true })).warnings).toHaveLength(1);
    expect(await first(other, 'others', 'boats at night')).toBe('theirs');
  });

  it('is what everything that compares stored vectors reads once it serves', async () => {
    await publish(lore, 'readers');
    await other.reindex('readers', { reembed: true });
    await publish(other, 'readers', { copy: TEXTS.errors as string });
    const collection = 'readers';
    const alike = await other.search({ like: { docId: 'readers-errors' }, collection });
    expect(alike.hits[0]?.docId).toBe('readers-copy');
    const query = 'what does E4711 mean?';
    const { hits } = await other.search({ query, collection, collapse: 0.6, diversity: 0.1 });
    expect(hits.filter(({ text }) => text === TEXTS.errors)).toHaveLength(1);
    const near = await other.search({
      ...{ query, collection, maxDistance: 1, boosts: [{ filter: { docId: 'readers-backups' }, weight: 9 }] },
    });
    expect(near.hits[0]?.docId).toBe('readers-backups');
    const { chunks } = await other.explain({ query, collection, docId: 'readers-errors' });
    expect(chunks).toHaveLength(1);
    expect(chunks[0]).toMatchObject({ matchedTerms: expect.arrayContaining(['e4711']) });
    expect(chunks[0]).not.toHaveProperty('problem');
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

describe.concurrent('another analyser, index or vector type', () => {
  it('embeds nothing, and keeps the words of the live index until the switch', async () => {
    const own = new FakeEmbedder();
    const alone = openTestLore(redis, {}, { embedder: own });
    await publish(alone, 'words');
    const before = await fieldsOf('words');
    const embedded = own.embedded.length;
    const built = await alone.reindex('words', { language: 'german', buildOnly: true });
    expect(built).toMatchObject({ state: 'built', chunks: 4 });
    const byWords = async (query: string) => {
      await alone.collections.get('words');
      return (await alone.search({ query, collection: 'words', mode: 'text' })).hits.map(
        ({ docId }) => docId,
      );
    };
    expect(await byWords('haus')).toEqual([]);
    await alone.reindex('words');
    expect(own.embedded.length).toBe(embedded + 1);
    expect(await byWords('haus')).toEqual(['words-houses']);
    const { hits } = await alone.search({ query: 'haus', collection: 'words', mode: 'text' });
    expect(hits[0]?.matchedTerms).toEqual(['haus']);
    await publish(alone, 'words', { street: 'Die Bäume der Straße werden gefällt.' });
    await expect(alone.indexWords('words', { language: 'english' })).rejects.toMatchObject({ code: 'busy' });

    await alone.reindex('words', { rollback: true });
    expect(await byWords('haus')).toEqual([]);
    expect(await byWords('expiring')).toEqual(['words-sessions']);
    expect(await byWords('gefällt')).toEqual(['words-street']);
    expect(await fieldsOf('words')).toEqual(before);
  });

  it('finds chunks by the words around them as one that was ingested so', async () => {
    const text = [
      'Die Häuser am Fluss sind alt.',
      'Boote liegen vor den Brücken.',
      'Am Abend läuten die Glocken der Stadt.',
    ].join('\n\n');
    const settings = { chunkSize: 16, chunkOverlap: 0 };
    const source = { text, source: 'river.md', docId: 'river', title: 'Am Wasser' };
    const ingest = (collection: string, language: 'english' | 'german') =>
      lore.ingestTexts([{ ...source, docId: `${collection}-river` }], {
        ...{ collection, settings: { ...settings, language } },
      });
    await ingest('nearby', 'english');
    await ingest('nearby2', 'german');
    const read = async (collection: string, names: readonly string[]) => {
      const keys = await allKeys(lore.databases.knowledge, `llama_index/vector_store/${collection}/*`);
      return lore.databases.knowledge.pipeline<(string | null)[]>(
        keys.sort().map((key) => ['HMGET', key, ...names]),
      );
    };
    const live = ['analysed', 'analysed_nearby'];
    const [english, german] = [await read('nearby', live), await read('nearby2', live)];
    expect(german.length).toBeGreaterThan(1);
    expect(german).not.toEqual(english);
    await lore.reindex('nearby', { language: 'german' });
    expect(await read('nearby', ['analysed_next', 'analysed_nearby_next'])).toEqual(german);
    expect(await read('nearby', live)).toEqual(english);
    const ranked = async (collection: string) => {
      await lore.collections.get(collection);
      const { hits } = await lore.search({ query: 'das alte Haus', collection, weight: 0 });
      return hits.map(({ text: held, textScore, textRank }) => ({ held, textScore, textRank }));
    };
    const wanted = await ranked('nearby2');
    expect(wanted.filter(({ textScore }) => textScore !== undefined).length).toBeGreaterThan(1);
    expect(await ranked('nearby')).toEqual(wanted);
    expect(await problemsOf('nearby')).toEqual([]);
    // An index that reads the fields of before would find words by the other language.
    const { index, manifest } = await lore.collections.get('nearby');
    const { next: _, ...earlier } = manifest;
    await lore.databases.knowledge.send(['FT.DROPINDEX', index]);
    await lore.databases.knowledge.send(createCommand(index, 'nearby', earlier));
    await lore.databases.knowledge.send(['FT.ALIASADD', 'stacklore:live:nearby', index]);
    expect((await problemsOf('nearby')).join()).toMatch(/analysed_nearby is read from analysed_nearby, not/);
    await lore.maintenance.diagnose({ fix: true });
    expect(await problemsOf('nearby')).toEqual([]);
    // A document that is published between switch and finish has both, and a roll-back gives back those of before.
    await lore.documents.delete('nearby-river');
    await ingest('nearby', 'german');
    expect(await read('nearby', ['analysed_next', 'analysed_nearby_next'])).toEqual(german);
    await lore.reindex('nearby', { rollback: true });
    expect(await read('nearby', live)).toEqual(english);
    await lore.reindex('nearby', { language: 'german' });
    await lore.reindex('nearby', { finish: true });
    expect(await read('nearby', live)).toEqual(german);
    expect(await fieldsOf('nearby')).not.toContain('analysed_nearby_next');
    expect((await ranked('nearby')).map(({ held }) => held)).toEqual(wanted.map(({ held }) => held));
  });
});

describe('a reindex beside other writers', () => {
  it('loses nothing that is published, replaced or deleted meanwhile, and searches never fail', async () => {
    const texts = Object.fromEntries(
      Array.from({ length: 60 }, (_, n) => [`n${n}`, `Note ${n} speaks of subject${n}.`]),
    );
    await publish(lore, 'busy', texts);
    let isDone = false;
    let answers = 0;
    const searching = (async () => {
      while (!isDone) {
        const { hits } = await lore.search({ query: 'subject7', collection: 'busy', topK: 3 });
        expect(hits[0]?.docId).toBe('busy-n7');
        answers += 1;
      }
    })();
    const writing = (async () => {
      for (let n = 0; !isDone; n += 1) {
        await publish(lore, 'busy', {
          [`late${n}`]: `Late note ${n} on matter${n}.`,
          n1: `Changed to topic${n}.`,
        });
        if (n === 0) await lore.documents.delete('busy-n2');
      }
      return lore.search({ query: 'topic', collection: 'busy' });
    })();
    await lore.reindex('busy', { vectorType: 'float16', language: 'french' });
    isDone = true;
    await Promise.all([searching, writing]);
    expect(answers).toBeGreaterThan(0);
    await lore.reindex('busy', { finish: true });
    const keys = await allKeys(lore.databases.knowledge, 'llama_index/vector_store/busy/*');
    const index = await lore.databases.knowledge.send<[number]>([
      ...['FT.SEARCH', 'stacklore:live:busy', '*', 'LIMIT', '0', '0', 'DIALECT', '2'],
    ]);
    expect(index[0]).toBe(keys.length);
    const lacking = await lore.databases.knowledge.pipeline<number>(
      keys.map((key) => ['HEXISTS', key, 'analysed']),
    );
    expect(lacking).not.toContain(0);
    expect(await vectorBytes('busy')).toEqual([128]);
    expect(await fieldsOf('busy')).not.toContain('embedding_float16');
    expect(keys.join()).not.toContain('busy-n2_');
    expect(await problemsOf('busy')).toEqual([]);
  });

  it('refuses a writer of the model before, which could not be told from the new one', async () => {
    await publish(lore, 'stale');
    const opened = await lore.openCollection('stale');
    const twin = openTestLore(redis, {}, { embedder: new FakeEmbedder({ model: { name: 'fake/twin' } }) });
    await twin.reindex('stale', { reembed: true });
    const writing = lore.documents.replace(
      opened,
      { docId: 'stale-x', title: 'x', source: 'x', contentType: 'text', wordCount: 1, hash: 'x' },
      [{ text: 'x' }],
      [new Float32Array(64).fill(1)],
    );
    await expect(writing).rejects.toMatchObject({ code: 'manifest_mismatch' });
    expect(await lore.documents.find('stale-x')).toBeUndefined();
  });
});

describe.concurrent('an interrupted reindex', () => {
  it('leaves the live index serving, goes on when repeated and embeds only what is missing', async () => {
    await publish(lore, 'cut');
    let texts = 0;
    const dying = new FakeEmbedder({
      dimensions: 96,
      model: { name: 'fake/larger' },
      onText: () => {
        texts += 1;
        if (texts > 2) throw new Error('killed');
      },
    });
    const first96 = openTestLore(redis, {}, { embedder: dying });
    await expect(first96.reindex('cut', { reembed: true })).rejects.toThrow('killed');
    expect(await first(lore, 'cut', 'nightly backup')).toBe('cut-backups');
    await expect(lore.reindex('cut', { language: 'german' })).rejects.toMatchObject({
      code: 'already_exists',
    });
    await expect(lore.reindex('cut')).rejects.toMatchObject({ code: 'manifest_mismatch' });
    const keys = await allKeys(lore.databases.knowledge, 'llama_index/vector_store/cut/*');
    const written = await lore.databases.knowledge.pipeline<number>(
      keys.map((key) => ['HEXISTS', key, 'embedding_next']),
    );
    const missing = written.filter((is) => is === 0).length;
    expect(missing).toBeGreaterThan(0);
    expect((await other.reindex('cut', { dryRun: true })).plan).toMatchObject({ chunksToEmbed: missing });
    const fresh = new FakeEmbedder({ dimensions: 96, model: { name: 'fake/larger' } });
    const again = openTestLore(redis, {}, { embedder: fresh });
    const report = await again.reindex('cut', { reembed: true });
    expect(report).toMatchObject({ state: 'switched', chunks: missing });
    expect(fresh.embedded).toHaveLength(missing);
    expect(await other.reindex('cut')).toMatchObject({ state: 'switched', chunks: 0 });
  });

  it('is ended the way its end was begun', async () => {
    await publish(lore, 'ended');
    await other.reindex('ended', { reembed: true });
    const stopped = () => {
      const stop = new AbortController();
      return { signal: stop.signal, onProgress: () => stop.abort() };
    };
    const goingBack = lore.reindex('ended', { rollback: true, ...stopped() });
    await expect(goingBack).rejects.toMatchObject({ code: 'aborted' });
    await expect(other.reindex('ended', { finish: true })).rejects.toMatchObject({ code: 'busy' });
    expect(await lore.reindex('ended', { rollback: true })).toMatchObject({ state: 'rolled-back' });
    expect(await first(lore, 'ended', 'nightly backup')).toBe('ended-backups');
    await other.reindex('ended', { reembed: true });
    const finishing = other.reindex('ended', { finish: true, ...stopped() });
    await expect(finishing).rejects.toMatchObject({ code: 'aborted' });
    expect(await first(other, 'ended', 'nightly backup')).toBe('ended-backups');
    await expect(other.reindex('ended', { rollback: true })).rejects.toMatchObject({ code: 'busy' });
    await expect(other.reindex('ended', { language: 'german' })).rejects.toMatchObject({ code: 'busy' });
    expect(await other.reindex('ended', { finish: true })).toMatchObject({ state: 'finished' });
    expect(await first(other, 'ended', 'nightly backup')).toBe('ended-backups');
    expect(await vectorBytes('ended')).toEqual([384]);
  });

  it('is dropped by a roll-back before the switch, and with its collection', async () => {
    await publish(lore, 'dropped');
    const before = await fieldsOf('dropped');
    await other.reindex('dropped', { reembed: true, buildOnly: true });
    expect(await indexesOf('dropped')).toHaveLength(2);
    await expect(other.reindex('dropped', { finish: true })).rejects.toMatchObject({ code: 'invalid_input' });
    await other.reindex('dropped', { rollback: true });
    expect(await indexesOf('dropped')).toEqual(['stacklore:index:dropped:1']);
    expect(await fieldsOf('dropped')).toEqual(before);
    await other.reindex('dropped', { reembed: true, buildOnly: true });
    await lore.dropCollection('dropped');
    expect(await indexesOf('dropped')).toEqual([]);
    expect(await allKeys(lore.databases.knowledge, 'stacklore:reindex:dropped')).toEqual([]);
  });
});

describe('a reindex that cannot be done', () => {
  it('is told what it takes first, and writes nothing when only asked', async () => {
    await publish(lore, 'asked');
    const { state, plan } = await other.reindex('asked', { reembed: true, dryRun: true });
    expect(state).toBe('planned');
    expect(plan).toMatchObject({ chunks: 4, chunksToEmbed: 4, fits: true });
    expect(plan?.memoryBytes).toBeGreaterThan(4 * 96 * 4);
    expect(await indexesOf('asked')).toHaveLength(1);
    expect(await allKeys(lore.databases.knowledge, 'stacklore:reindex*:asked')).toEqual([]);
  });

  it('is refused with a word on what to do', async () => {
    await lore.createCollection('given', { dimensions: 2 });
    const refusals = [
      ['asked', {}, 'invalid_input', /Nothing of collection "asked" would change/],
      ['asked', { reembed: true }, 'invalid_input', /Nothing of collection/],
      ['asked', { efRuntime: 0 }, 'invalid_input', /efRuntime/],
      ['asked', { vectorType: 'int8' }, 'invalid_input', /vectorType/],
      ['asked', { unknown: 1 }, 'invalid_input', /unknown/],
      ['asked', { rollback: true, finish: true }, 'invalid_input', /one of them/],
      ['asked', { rollback: true }, 'not_found', /no unfinished reindex/],
      ['asked', { finish: true }, 'not_found', /no unfinished reindex/],
      ['asked', { language: 'german', queries: '/nowhere.jsonl' }, 'source_unreadable', /Correct the path/],
      ['asked', { language: 'german', queries: [' '] }, 'invalid_input', /blank/],
      ['nothing', { language: 'german' }, 'not_found', /no collection "nothing"/],
      ['given', { reembed: true }, 'manifest_mismatch', /given by a program/],
    ] as const;
    for (const [collection, request, code, message] of refusals) {
      await expect(lore.reindex(collection, request as never)).rejects.toMatchObject({
        code,
        message: expect.stringMatching(message),
      });
    }
    expect(await indexesOf('asked')).toHaveLength(1);
  });

  it('waits for no other: one process at a time', async () => {
    await lore.databases.knowledge.send(['SET', 'stacklore:reindex-lock:asked', 'x', 'PX', '60000']);
    await expect(lore.reindex('asked', { language: 'german' })).rejects.toMatchObject({ code: 'busy' });
  });

  it('is refused where the server has no room', async () => {
    const { knowledge } = lore.databases;
    await knowledge.send(['UNLINK', 'stacklore:reindex-lock:asked']);
    const info = await knowledge.send<string>(['INFO', 'memory']);
    const used = Number(/used_memory:(\d+)/.exec(info)?.[1]);
    await knowledge.send(['CONFIG', 'SET', 'maxmemory', String(used + 1)]);
    try {
      await expect(lore.reindex('asked', { m: 32 })).rejects.toMatchObject({ code: 'database_full' });
    } finally {
      await knowledge.send(['CONFIG', 'SET', 'maxmemory', '0']);
    }
  });
});
