import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { StackloreError } from '../src/errors.ts';
import type { Stacklore } from '../src/stacklore.ts';
import { FakeEmbedder } from './support/fake-embedder.ts';
import { allKeys, openTestLore } from './support/lore.ts';
import { usePrivateRedis } from './support/redis.ts';

const redis = usePrivateRedis();
const EARLIER = new URL('../fixtures/earlier/knowledge.json', import.meta.url);
const SUBJECTS = ['harbour', 'museum'];
let lore: Stacklore;

interface StoredKey {
  readonly key: string;
  readonly fields?: Readonly<Record<string, string>>;
  readonly binary?: readonly string[];
  readonly members?: readonly { readonly member: string; readonly score: number }[];
  readonly value?: string;
}

/** The command that stores a key as an earlier version did. */
function storing({ key, fields = {}, binary = [], members = [], value }: StoredKey): (string | Buffer)[] {
  if (value !== undefined) return ['SET', key, value];
  if (members.length > 0)
    return ['ZADD', key, ...members.flatMap(({ member, score }) => [String(score), member])];
  const pairs = Object.entries(fields).flatMap(([name, text]) => [
    name,
    binary.includes(name) ? Buffer.from(text, 'base64') : text,
  ]);
  return ['HSET', key, ...pairs];
}

beforeAll(async () => {
  lore = openTestLore(redis, {}, { embedder: new FakeEmbedder({ dimensions: 16 }) });
  const { indexes, keys } = JSON.parse(readFileSync(EARLIER, 'utf8')) as {
    readonly indexes: readonly string[][];
    readonly keys: readonly StoredKey[];
  };
  await lore.databases.knowledge.pipeline([...indexes, ...keys.map(storing)]);
});

const textOf = (subject: string) =>
  Array.from({ length: 6 }, (_, n) => `Sentence ${n} of the ${subject} tells of number${n}.`).join(' ');

/** Whether words and meaning, each alone and together, find the chunk that a question is about. */
async function expectFound(collection: string, subject: string): Promise<void> {
  for (const mode of ['vector', 'text', 'hybrid'] as const) {
    const query = `Sentence 5 of the ${subject} tells of number5.`;
    const { hits, warnings } = await lore.search({ query, collection, mode, filter: { topic: subject } });
    expect(warnings).toEqual([]);
    expect(hits[0]).toMatchObject({
      docId: `${collection}-${subject}`,
      text: expect.stringContaining('number5'),
    });
  }
}

async function expectWhole(collection: string): Promise<void> {
  for (const subject of SUBJECTS) {
    const document = await lore.documents.find(`${collection}-${subject}`);
    const texts: string[] = [];
    if (document) for await (const { text } of lore.documents.chunks(document)) texts.push(text);
    expect(texts.join(' ')).toBe(textOf(subject));
    await expectFound(collection, subject);
  }
  const { findings } = await lore.maintenance.diagnose();
  expect(findings).toEqual([]);
}

describe.each(['wide', 'half'])('collection "%s" of an earlier version', (collection) => {
  it('is read and searched as it is, and stays of the kind it was made with', async () => {
    const { manifest } = await lore.collections.get(collection);
    await expectWhole(collection);
    expect(await lore.tendIndexes([collection])).toEqual({ [collection]: 'settled' });
    expect((await lore.collections.get(collection)).manifest).toEqual(manifest);
    expect(manifest.index).not.toHaveProperty('auto');
  });

  it('takes documents in: unchanged ones are known, new and changed ones are stored as the others are', async () => {
    const docId = `${collection}-harbour`;
    const report = await lore.ingestTexts(
      [
        {
          text: textOf('harbour'),
          source: 'harbour.txt',
          docId,
          title: 'harbour',
          metadata: { topic: 'harbour' },
        },
        {
          text: textOf('archive'),
          source: 'archive.txt',
          docId: `${collection}-archive`,
          metadata: { topic: 'archive' },
        },
      ],
      { collection },
    );
    expect(report.counts).toMatchObject({ unchanged: 1, created: 1, failed: 0 });
    await expectFound(collection, 'archive');
    const fieldsOf = async (key: string) =>
      ((await lore.databases.knowledge.send<string[]>(['HKEYS', key])) ?? []).sort();
    const prefix = `llama_index/vector_store/${collection}/${collection}`;
    expect(await fieldsOf(`${prefix}-archive_chunk_0`)).toEqual(await fieldsOf(`${prefix}-museum_chunk_0`));
    await lore.documents.delete(`${collection}-archive`);
    expect(await allKeys(lore.databases.knowledge, '*archive*')).toEqual([]);
    await expectWhole(collection);
  });

  it('is reindexed to what later versions offer', async () => {
    await lore.reindex(collection, { vectorType: 'float16' });
    await lore.reindex(collection, { finish: true });
    await expectWhole(collection);
    await lore.reindex(collection, { index: 'auto' });
    for (let n = 0; (await lore.tendIndexes([collection]))[collection] !== 'settled'; n += 1) {
      expect(n).toBeLessThan(500);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const { manifest } = await lore.collections.get(collection);
    expect(manifest).toMatchObject({ vectorType: 'float16', index: { kind: 'flat', auto: true } });
    await expectWhole(collection);
  });
});

it('facts of an earlier version are found', async () => {
  const { hits } = await lore.searchFacts({ query: 'The tide turns twice a day.' });
  expect(hits[0]).toMatchObject({ factId: 'tide' });
});

describe('a collection of a newer version', () => {
  const KEY = 'stacklore:collection:newer';
  const change = async (over: object): Promise<void> => {
    const { knowledge } = lore.databases;
    const stored = JSON.parse((await knowledge.send<string>(['HGET', KEY, 'manifest'])) ?? '{}');
    await knowledge.send(['HSET', KEY, 'manifest', JSON.stringify({ ...stored, ...over })]);
  };
  const newer = {
    code: 'record_invalid',
    message: expect.stringMatching(/written by a newer version of stacklore.*Update stacklore/s),
  };

  beforeAll(async () => {
    await lore.ingestTexts([{ text: textOf('pier'), source: 'pier', docId: 'pier' }], {
      collection: 'newer',
    });
    await change({ quantisation: 'int4' });
    // What was read before is remembered for a second.
    await new Promise((resolve) => setTimeout(resolve, 1_050));
  });

  it.each([
    ['search', () => lore.search({ query: 'pier', collection: 'newer' })],
    ['reindex', () => lore.reindex('newer', { index: 'flat' })],
    ['open', () => lore.openCollection('newer')],
  ])('is refused by %s, with nothing changed and the remedy', async (_, work) => {
    const before = await allKeys(lore.databases.knowledge, '*');
    await expect(work()).rejects.toMatchObject(newer);
    expect(await allKeys(lore.databases.knowledge, '*')).toEqual(before);
  });

  it('takes no document in, and is told by the report', async () => {
    const ingest = lore.ingestTexts([{ text: textOf('quay'), source: 'quay' }], { collection: 'newer' });
    const told = await ingest.catch((error: unknown) => error);
    expect(told).toBeInstanceOf(StackloreError);
    expect(told).toMatchObject(newer);
  });

  it('keeps its documents through a cleanup, and is told by the list and the doctor', async () => {
    await lore.maintenance.cleanup({ orphans: true, emptyDocuments: true });
    expect(await allKeys(lore.databases.knowledge, '*pier_chunk*')).not.toEqual([]);
    const { findings } = await lore.maintenance.diagnose();
    expect(findings).toEqual([
      expect.objectContaining({
        severity: 'error',
        what: newer.message,
        fix: expect.stringMatching(/^Update stacklore here, and leave that key as it is/),
      }),
    ]);
  });

  it('leaves the others listed and served, and is named with the reason', async () => {
    const unreadable = [{ name: 'newer', key: KEY, problem: newer.message }];
    const list = await lore.listCollections();
    expect(list.items.map(({ name, indexState }) => [name, indexState])).toEqual([
      ['half', 'ready'],
      ['wide', 'ready'],
    ]);
    expect(list.unreadable).toEqual(unreadable);
    const { collections, unreadableCollections } = await lore.status();
    expect(collections.map(({ name }) => name)).toEqual(['half', 'wide']);
    expect(unreadableCollections).toEqual(unreadable);
    expect(Object.keys(await lore.tendIndexes())).toEqual(['half', 'wide']);
    expect((await lore.maintenance.analyseKeys()).keys).toBeGreaterThan(0);
    await expectFound('wide', 'museum');
  });

  it('is told apart by a later format as well, but not what is simply wrong', async () => {
    await change({ quantisation: undefined, formatVersion: 2 });
    await expect(lore.collections.get('newer')).rejects.toMatchObject(newer);
    await change({ formatVersion: 0 });
    await expect(lore.collections.get('newer')).rejects.toMatchObject({
      message: expect.stringContaining('Correct or delete'),
    });
    await change({ formatVersion: 1 });
    await expectFoundPier();
  });

  async function expectFoundPier(): Promise<void> {
    const { hits } = await lore.search({ query: 'pier', collection: 'newer' });
    expect(hits[0]?.docId).toBe('pier');
  }
});
