import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Filter } from '../../../src/search/filter.ts';
import type { Stacklore } from '../../../src/stacklore.ts';
import { FakeEmbedder } from '../../support/fake-embedder.ts';
import { allKeys, openTestLore } from '../../support/lore.ts';
import { usePrivateRedis } from '../../support/redis.ts';

const redis = usePrivateRedis();
const embedder = new FakeEmbedder();
const SMALL = { chunkSize: 16, chunkOverlap: 4 };
const LARGE = { chunkSize: 48, chunkOverlap: 8 };
let lore: Stacklore;
let folder: string;

beforeAll(async () => {
  lore = openTestLore(redis, {}, { embedder });
  folder = await mkdtemp(join(tmpdir(), 'stacklore-rechunk-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const SUBJECTS = ['harbour', 'library', 'museum', 'theatre', 'railway'];
const sentencesOf = (subject: string) =>
  Array.from({ length: 12 }, (_, n) => `Sentence ${n} says of the ${subject} what number ${n} is for.`).join(
    ' ',
  );
const textOf = (subject: string) => `# The ${subject}\n\n${sentencesOf(subject)}`;

async function publish(collection: string, subjects = SUBJECTS) {
  const texts = subjects.map((subject) => ({
    ...{ text: textOf(subject), source: `${subject}.md`, docId: `${collection}-${subject}`, title: subject },
  }));
  const report = await lore.ingestTexts(texts, { collection });
  expect(report.counts.failed).toBe(0);
  return report;
}

async function create(collection: string, settings = SMALL) {
  await lore.createCollection(collection, settings);
  await publish(collection);
}

/** The chunks of a collection as other programs see them, without when they were written. */
async function stored(collection: string) {
  const { knowledge } = lore.databases;
  const prefix = `llama_index/vector_store/${collection}/`;
  const keys = await allKeys(knowledge, `${prefix}*`);
  const all = await knowledge.pipeline<Buffer[]>(
    keys.map((key) => ['HGETALL', key]),
    { buffers: true },
  );
  return all.map((reply, at) => {
    const fields = new Map<string, string>();
    for (let n = 0; n < reply.length; n += 2)
      fields.set(String(reply[n]), (reply[n + 1] as Buffer).toString('latin1'));
    fields.delete('updated_at');
    const plain = JSON.stringify([...fields].sort()).replaceAll(collection, 'x');
    return [
      (keys[at] as string).replaceAll(collection, 'x'),
      plain.replace(/"node_id","[0-9a-f]{32}/, '"node_id","'),
    ];
  });
}

const helperKeys = (collection: string) =>
  allKeys(lore.databases.knowledge, `stacklore:staged-*:${collection}:*`);
const countsOf = async (collection: string) => {
  const documents = (await lore.documents.list(collection)).items;
  return Object.fromEntries(documents.map(({ docId, chunkCount }) => [docId, chunkCount]));
};

describe.concurrent('other chunks', () => {
  it('are what a fresh ingest would cut, and the next ingest finds nothing to do', async () => {
    await create('fresh');
    await create('wanted', LARGE);
    const before = await stored('fresh');
    const embedded = embedder.embedded.length;
    expect(embedded).toBeGreaterThan(0);
    const built = await lore.reindex('fresh', { ...LARGE, queries: ['the railway'], buildOnly: true });
    expect(built).toMatchObject({
      state: 'built',
      documents: { fromSource: 0, fromChunks: 5, inexact: 0, kept: 0 },
      comparison: { queries: 1, sameFirst: 1 },
      warnings: [],
    });
    expect(await stored('fresh')).toEqual(before);
    const switched = await lore.reindex('fresh');
    expect(switched).toMatchObject({ state: 'switched', chunks: 0, documents: { fromChunks: 5 } });
    expect(await stored('fresh')).toEqual(await stored('wanted'));
    expect(Object.values(await countsOf('fresh'))).toEqual(Object.values(await countsOf('wanted')));
    const { manifest } = await lore.collections.get('fresh');
    expect(manifest.chunker).toMatchObject({ size: 48, overlap: 8 });
    expect((await publish('fresh')).counts).toMatchObject({ unchanged: 5 });

    expect(await lore.reindex('fresh', { finish: true })).toMatchObject({ state: 'finished' });
    expect(await helperKeys('fresh')).toEqual([]);
    expect(await allKeys(lore.databases.knowledge, 'stacklore:reindex*:fresh')).toEqual([]);
    const { findings } = await lore.maintenance.diagnose();
    expect(findings.filter(({ what }) => /fresh/.test(what))).toEqual([]);
  });

  it('are told of first: how many there will be, what they take, and nothing is written', async () => {
    await create('asked');
    const { state, plan } = await lore.reindex('asked', { ...LARGE, dryRun: true });
    const counts = Object.values(await countsOf('asked')).reduce((sum, count) => sum + count, 0);
    await create('counted', LARGE);
    const after = Object.values(await countsOf('counted')).reduce((sum, count) => sum + count, 0);
    expect(state).toBe('planned');
    expect(plan).toMatchObject({ chunks: counts, chunksAfter: after, chunksToEmbed: after, fits: true });
    expect(plan?.memoryBytes).toBeGreaterThan(after * 64 * 4);
    expect(plan?.memoryAfterBytes).toBeLessThan(0);
    expect(await helperKeys('asked')).toEqual([]);
    expect(await allKeys(lore.databases.knowledge, 'stacklore:reindex*:asked')).toEqual([]);
  });

  it('take in what is published, changed and deleted while they are built', async () => {
    await create('busy');
    await lore.reindex('busy', { ...LARGE, buildOnly: true });
    await publish('busy', ['bakery']);
    await lore.ingestTexts(
      [{ text: 'The harbour was closed.', source: 'harbour.md', docId: 'busy-harbour', title: 'harbour' }],
      { collection: 'busy' },
    );
    await lore.documents.delete('busy-museum');
    expect(await allKeys(lore.databases.knowledge, 'stacklore:staged-*:busy:busy-museum*')).toEqual([]);
    expect(await allKeys(lore.databases.knowledge, 'stacklore:staged-*:busy:busy-harbour*')).toEqual([]);
    const { chunks } = await lore.reindex('busy');
    const counts = await countsOf('busy');
    expect(chunks).toBe(Number(counts['busy-bakery']) + 1);
    expect(counts).toMatchObject({ 'busy-harbour': 1 });
    expect(counts).not.toHaveProperty('busy-museum');
    for (const [query, docId] of [
      ['the harbour was closed', 'busy-harbour'],
      ['the bakery', 'busy-bakery'],
      ['the railway', 'busy-railway'],
    ] as const) {
      expect((await lore.search({ query, collection: 'busy' })).hits[0]?.docId).toBe(docId);
    }
    await lore.reindex('busy', { finish: true });
    expect(await helperKeys('busy')).toEqual([]);
  });

  it('are given back for those of before, with what was published and deleted since', async () => {
    await create('back');
    const before = await stored('back');
    await lore.reindex('back', LARGE);
    expect(await stored('back')).not.toEqual(before);
    await publish('back', ['bakery']);
    await lore.documents.delete('back-museum');
    const { state, chunks } = await lore.reindex('back', { rollback: true });
    const counts = await countsOf('back');
    // Only what was published since has to be cut again.
    expect([state, chunks]).toEqual(['rolled-back', counts['back-bakery']]);
    await publish('back', ['museum']);
    const others = ([key]: string[]) => !key?.includes('bakery');
    expect((await stored('back')).filter((one) => others(one as string[]))).toEqual(before);
    const { manifest } = await lore.collections.get('back');
    expect(manifest.chunker).toMatchObject({ size: 16, overlap: 4 });
    expect((await publish('back', ['bakery'])).counts).toMatchObject({ unchanged: 1 });
    expect(await helperKeys('back')).toEqual([]);
  });

  it('get the fields that are declared meanwhile, and lose none by a roll-back', async () => {
    const collection = 'fields';
    await lore.createCollection(collection, SMALL);
    const texts = SUBJECTS.map((subject) => ({
      ...{ text: textOf(subject), source: subject, docId: `fields-${subject}`, metadata: { kind: subject } },
    }));
    await lore.ingestTexts(texts, { collection });
    await lore.reindex(collection, { ...LARGE, buildOnly: true });
    await lore.addFields(collection, [{ name: 'kind', type: 'tag' }]);
    await lore.reindex(collection);
    const ofMuseum = async () => {
      const { hits } = await lore.search({ query: 'what is it for', collection, filter: { kind: 'museum' } });
      return [...new Set(hits.map(({ docId }) => docId))];
    };
    expect(await ofMuseum()).toEqual(['fields-museum']);
    await lore.reindex(collection, { rollback: true });
    expect(await ofMuseum()).toEqual(['fields-museum']);
  });

  it('go without a field that was declared later and that their documents hold no fitting value for', async () => {
    const collection = 'unfit';
    await lore.createCollection(collection, SMALL);
    const texts = SUBJECTS.map((subject, n) => ({
      ...{ text: textOf(subject), source: subject, docId: `unfit-${subject}` },
      metadata: { year: n === 0 ? 'unknown' : 2020 + n, kind: 'place' },
    }));
    await lore.ingestTexts(texts, { collection });
    const declared = await lore.addFields(collection, [
      { name: 'year', type: 'number' },
      { name: 'kind', type: 'tag' },
    ]);
    expect(declared.warnings).toHaveLength(1);
    expect(await lore.reindex(collection, LARGE)).toMatchObject({ documents: { fromChunks: 5, kept: 0 } });
    const found = async (filter: Filter) => {
      const { hits } = await lore.search({ query: 'what is it for', collection, filter, topK: 50 });
      return new Set(hits.map(({ docId }) => docId));
    };
    expect((await found({ kind: 'place' })).size).toBe(5);
    expect((await found({ year: { $gte: 0 } })).size).toBe(4);
  });

  it('have vectors of the type that the collection has, as those that are given back', async () => {
    const vectorBytes = async () => {
      const { knowledge } = lore.databases;
      const keys = await allKeys(knowledge, 'llama_index/vector_store/half/*');
      const lengths = await knowledge.pipeline<number>(keys.map((key) => ['HSTRLEN', key, 'embedding']));
      return [...new Set(lengths)];
    };
    for (const [name, sizes] of [
      ['half', SMALL],
      ['half-wanted', LARGE],
    ] as const) {
      await lore.createCollection(name, { ...sizes, vectorType: 'float16' });
      await publish(name);
    }
    const before = await stored('half');
    expect(await vectorBytes()).toEqual([128]);
    const { comparison } = await lore.reindex('half', { ...LARGE, queries: ['the railway'] });
    expect(comparison).toMatchObject({ sameFirst: 1 });
    const after = await stored('half');
    expect(after).toHaveLength((await stored('half-wanted')).length);
    expect(await vectorBytes()).toEqual([128]);
    const { hits } = await lore.search({ query: 'the railway', collection: 'half', exact: true });
    expect(hits[0]?.docId).toBe('half-railway');
    await lore.reindex('half', { rollback: true });
    expect(await stored('half')).toEqual(before);
  });

  it('leave nothing behind when the collection is dropped in between', async () => {
    for (const name of ['dropped', 'dropped.2']) await create(name);
    await lore.reindex('dropped', { ...LARGE, buildOnly: true });
    await lore.reindex('dropped.2', { ...LARGE, buildOnly: true });
    const kept = await helperKeys('dropped.2');
    await lore.dropCollection('dropped');
    expect(await helperKeys('dropped')).toEqual([]);
    expect(await helperKeys('dropped.2')).toEqual(kept);
    const indexes = await lore.databases.knowledge.send<string[]>(['FT._LIST']);
    expect(indexes.filter((index) => index.startsWith('stacklore:index:dropped:'))).toEqual([]);
    await lore.dropCollection('dropped.2');
  });
});

describe('the texts that are cut anew', () => {
  it('are read from files that are unchanged, and made of the chunks of others', async () => {
    const write = (name: string, text: string) => writeFile(join(folder, name), text);
    await write('same.html', `<main><h1>Same</h1><p>${sentencesOf('harbour')}</p></main>`);
    await write('gone.html', `<main><h1>Gone</h1><p>${sentencesOf('museum')}</p></main>`);
    await write('changed.md', textOf('library'));
    await write('same.md', textOf('theatre'));
    await write('rows.jsonl', `${JSON.stringify({ _id: 'row', text: textOf('railway') })}\n`);
    await lore.ingest({ sources: [folder], collection: 'files', settings: SMALL });
    // The file has what is missing.
    const damaged = await allKeys(lore.databases.knowledge, 'llama_index/vector_store/files/*_chunk_1');
    for (const key of damaged) {
      const source = await lore.databases.knowledge.send<string>(['HGET', key, 'source']);
      if (source.endsWith('same.md')) await lore.databases.knowledge.send(['UNLINK', key]);
    }
    await lore.ingest({ sources: [folder], collection: 'expected', settings: LARGE });
    await rm(join(folder, 'gone.html'));
    await write('changed.md', 'Another text.');
    const { documents, warnings } = await lore.reindex('files', LARGE);
    expect(documents).toEqual({ fromSource: 2, fromChunks: 2, inexact: 1, kept: 0 });
    expect(warnings).toEqual([expect.stringMatching(/^1 document could not be read again/)]);
    const texts = async (collection: string) => {
      const found: Record<string, string[]> = {};
      for (const document of (await lore.documents.list(collection)).items) {
        const chunks: string[] = [];
        for await (const { text, metadata } of lore.documents.chunks(document)) {
          chunks.push(JSON.stringify([text, metadata.headings, metadata.start]));
        }
        found[document.source] = chunks;
      }
      return found;
    };
    expect(await texts('files')).toEqual(await texts('expected'));
    const wanted = { unchanged: 3, updated: 1 };
    expect((await lore.ingest({ sources: [folder], collection: 'files' })).counts).toMatchObject(wanted);
  });

  it('are not made up: what programs gave in pieces, what lacks pieces and what is too long keep their chunks', async () => {
    const collection = 'kept';
    await create(collection);
    const own = await lore.collections.get(collection);
    const nodes = [{ text: 'A node of a program.', nodeId: 'node-1' }];
    const document = { ...{ title: 'Node', source: 'node', contentType: 'text' }, wordCount: 5, hash: 'h' };
    const vectors = await embedder.embedTexts(nodes.map(({ text }) => text));
    await lore.documents.replace(own, { ...document, docId: 'kept-node' }, nodes, vectors);
    const { knowledge } = lore.databases;
    const prefix = `llama_index/vector_store/${collection}/`;
    await knowledge.send(['UNLINK', `${prefix}kept-museum_chunk_1`]);
    const long = Array.from({ length: 40 }, (_, n) => `Sentence ${n} of a long text has nine words.`).join(
      ' ',
    );
    await lore.ingestTexts([{ text: long, source: 'long', docId: 'kept-long' }], { collection });
    const keys = (await allKeys(knowledge, `${prefix}*`)).filter((key) => /node|museum|long/.test(key));
    const read = () =>
      knowledge.pipeline<Buffer[]>(
        keys.map((key) => ['HGETALL', key]),
        { buffers: true },
      );
    const before = await read();
    const built = await lore.reindex(collection, {
      ...{ ...LARGE, maxChunks: 6, buildOnly: true, queries: ['a node of a program'] },
    });
    expect(built).toMatchObject({
      documents: { fromChunks: 4, kept: 3 },
      comparison: { sameFirst: 1 },
      warnings: [expect.stringMatching(/^3 documents were left in the chunks there are/)],
    });
    await lore.reindex(collection, { maxChunks: 6 });
    expect(await read()).toEqual(before);
    // Once kept, they are tried again only where something else is asked for.
    expect(await lore.reindex(collection)).toMatchObject({ chunks: 0, documents: { kept: 3 } });
    await lore.reindex(collection, { finish: true, maxChunks: 6 });
    expect(await read()).toEqual(before);
    expect(await helperKeys(collection)).toEqual([]);
    const { hits } = await lore.search({ query: 'a node of a program', collection });
    expect(hits[0]?.nodeId).toBe('node-1');
  });
});

describe('a document that kept its chunks', () => {
  const long = Array.from({ length: 40 }, (_, n) => `Sentence ${n} of a long text has nine words.`).join(' ');

  it.each(['before', 'after'])('is cut anew when asked for with more chunks, %s the switch', async (when) => {
    const collection = `again-${when}`;
    await lore.createCollection(collection, SMALL);
    await lore.ingestTexts([{ text: long, source: 'long', docId: `${collection}-long` }], { collection });
    const buildOnly = when === 'before';
    const first = await lore.reindex(collection, { ...LARGE, maxChunks: 6, buildOnly });
    expect(first).toMatchObject({
      documents: { kept: 1 },
      warnings: [expect.stringMatching(/--max-chunks/)],
    });
    const { state, chunks, documents, warnings } = await lore.reindex(collection, { maxChunks: 100 });
    expect([state, documents, warnings]).toEqual([
      'switched',
      { fromSource: 0, fromChunks: 1, inexact: 0, kept: 0 },
      [],
    ]);
    expect(chunks).toBe(Object.values(await countsOf(collection))[0]);
    expect(await lore.reindex(collection, { maxChunks: 100 })).toMatchObject({ chunks: 0 });
    const { manifestHash } = await lore.documents.get(`${collection}-long`);
    await publish(collection, ['harbour']);
    expect(manifestHash).toBe((await lore.documents.get(`${collection}-harbour`)).manifestHash);
  });
});

describe('searches and other programs', () => {
  it('see each document whole at every moment of switch and roll-back', async () => {
    const collection = 'whole';
    await create(collection);
    const { knowledge } = lore.databases;
    const look = `
      local wrong = {}
      for _, id in ipairs(ARGV) do
        local count = tonumber(redis.call('HGET', 'doc:' .. id .. ':metadata', 'chunk_count'))
        local keys = redis.call('KEYS', 'llama_index/vector_store/whole/' .. id .. '_chunk_*')
        if #keys ~= count then wrong[#wrong + 1] = id .. ' ' .. count .. ' ' .. #keys end
      end
      local found = redis.call('FT.SEARCH', 'stacklore:live:whole', '*', 'LIMIT', 0, 0)[1]
      local all = #redis.call('KEYS', 'llama_index/vector_store/whole/*')
      if found ~= all then wrong[#wrong + 1] = 'index ' .. found .. ' ' .. all end
      return wrong`;
    const ids = SUBJECTS.map((subject) => `whole-${subject}`);
    let isDone = false;
    let looks = 0;
    const watch = async () => {
      while (!isDone) {
        expect(await knowledge.send(['EVAL', look, '0', ...ids])).toEqual([]);
        const { hits } = await lore.search({ query: 'the railway', collection });
        expect(hits[0]?.docId).toBe('whole-railway');
        looks += 1;
      }
    };
    const work = async () => {
      await lore.reindex(collection, LARGE);
      await lore.reindex(collection, { rollback: true });
      isDone = true;
    };
    await Promise.all([
      watch(),
      work().finally(() => {
        isDone = true;
      }),
    ]);
    expect(looks).toBeGreaterThan(5);
  });

  it('that opened the collection before the switch are told to open it again', async () => {
    await create('stale');
    const opened = await lore.collections.get('stale');
    await lore.reindex('stale', LARGE);
    const document = {
      ...{ docId: 'stale-late', title: 'Late', source: 'late' },
      contentType: 'text',
      wordCount: 2,
      hash: 'h',
    };
    const vectors = await embedder.embedTexts(['Too late.']);
    await expect(
      lore.documents.replace(opened, document, [{ text: 'Too late.' }], vectors),
    ).rejects.toMatchObject({ code: 'manifest_mismatch', message: expect.stringMatching(/chunk size/) });
    await expect(lore.ingestTexts([], { collection: 'stale', settings: SMALL })).rejects.toMatchObject({
      code: 'manifest_mismatch',
      message: expect.stringMatching(/chunkSize 48.*stacklore reindex/),
    });
  });

  it('bring back from a backup what can still be rolled back', async () => {
    await create('archived');
    const before = await stored('archived');
    await lore.reindex('archived', LARGE);
    const after = await stored('archived');
    const backups = join(folder, 'backups');
    const { archives } = await lore.maintenance.backup({ databases: ['knowledge'], folder: backups });
    await lore.dropCollection('archived');
    await lore.maintenance.restore({ file: archives[0]?.path ?? '', existing: 'skip' });
    expect(await stored('archived')).toEqual(after);
    expect(await lore.reindex('archived', { rollback: true })).toMatchObject({ chunks: 0 });
    expect(await stored('archived')).toEqual(before);
  });

  it('know whose the staged keys are, and what a killed drop left of them is cleaned up', async () => {
    await create('known');
    await lore.reindex('known', { ...LARGE, buildOnly: true });
    const families = async () => {
      const report = await lore.maintenance.analyseKeys({ databases: ['knowledge'] });
      expect(report.unknown).toEqual([]);
      return Object.fromEntries(report.families.map(({ family, keys }) => [family, keys]));
    };
    expect(await families()).toMatchObject({ 'staged document': expect.any(Number) });
    const staged = await helperKeys('known');
    const wrong = async () => {
      const { findings } = await lore.maintenance.diagnose();
      return findings.filter(({ check }) => check === 'staged chunks').map(({ what }) => what);
    };
    expect(await wrong()).toEqual([]);
    await lore.databases.knowledge.send(['UNLINK', 'stacklore:reindex:known']);
    expect((await wrong()).join()).toContain(`${staged.length} keys were staged`);
    const { orphans } = await lore.maintenance.cleanup({ orphans: true });
    expect(orphans?.count).toBe(staged.length);
    expect(await helperKeys('known')).toEqual([]);
    expect(await wrong()).toEqual([]);
  });
});

describe('a reindex with other chunks that cannot be done', () => {
  it('is refused with a word on what to do', async () => {
    await create('refused');
    await lore.createCollection('vectors', { dimensions: 2 });
    const other = openTestLore(redis, {}, { embedder: new FakeEmbedder({ model: { name: 'fake/other' } }) });
    const refusals = [
      [lore, 'refused', SMALL, 'invalid_input', /Nothing of collection "refused" would change/],
      [lore, 'refused', { chunkSize: 4 }, 'invalid_input', /chunkSize/],
      [lore, 'refused', { chunkSize: 512 }, 'invalid_input', /more than the model reads \(256\)/],
      [lore, 'refused', { chunkOverlap: 16 }, 'invalid_input', /smaller than the chunk size/],
      [lore, 'refused', { chunkSize: 32, reembed: true }, 'invalid_input', /two reindexes/],
      [lore, 'refused', { chunkSize: 32, language: 'german' }, 'invalid_input', /two reindexes/],
      [lore, 'refused', { chunkSize: 32, finish: true }, 'invalid_input', /three calls/],
      [lore, 'vectors', { chunkSize: 32 }, 'manifest_mismatch', /given by a program/],
      [other, 'refused', { chunkSize: 32 }, 'manifest_mismatch', /fake\/bag-of-words/],
    ] as const;
    for (const [one, collection, request, code, message] of refusals) {
      await expect(one.reindex(collection, request as never)).rejects.toMatchObject({
        code,
        message: expect.stringMatching(message),
      });
    }
    expect(await helperKeys('refused')).toEqual([]);
    await lore.reindex('refused', { chunkSize: 32, buildOnly: true });
    const ended = [
      [{ chunkSize: 48 }, 'already_exists', /chunks 32\/4\) is not finished/],
      [{ language: 'german' }, 'already_exists', /is not finished/],
      [{ finish: true }, 'invalid_input', /do not serve it yet/],
    ] as const;
    for (const [request, code, message] of ended) {
      await expect(lore.reindex('refused', request)).rejects.toMatchObject({
        code,
        message: expect.stringMatching(message),
      });
    }
    expect(await lore.reindex('refused', { rollback: true })).toMatchObject({
      state: 'rolled-back',
      chunks: 0,
    });
    expect(await helperKeys('refused')).toEqual([]);
  });

  it('stops where it is asked to, and goes on from there', async () => {
    await create('stopped');
    for (const step of ['documents', 'switch'] as const) {
      const stop = new AbortController();
      const onProgress = (progress: { step: string }) => {
        if (progress.step === step) stop.abort();
      };
      await expect(
        lore.reindex('stopped', { ...LARGE, onProgress, signal: stop.signal }),
      ).rejects.toMatchObject({ code: 'aborted' });
    }
    expect(await lore.reindex('stopped')).toMatchObject({ state: 'switched', documents: { fromChunks: 5 } });
  });
});
