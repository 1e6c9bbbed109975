import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
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
const textOf = (subject: string) =>
  `# The ${subject}\n\n${Array.from({ length: 12 }, (_, n) => `Sentence ${n} says of the ${subject} what number ${n} is for.`).join(' ')}`;

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
    for (let n = 0; n < reply.length; n += 2) fields.set(String(reply[n]), (reply[n + 1] as Buffer).toString('latin1'));
    fields.delete('updated_at');
    const plain = JSON.stringify([...fields].sort()).replaceAll(collection, 'x');
    return [(keys[at] as string).replaceAll(collection, 'x'), plain.replace(/"node_id","[0-9a-f]{32}/, '"node_id","')];
  });
}

const helperKeys = (collection: string) => allKeys(lore.databases.knowledge, `stacklore:staged-*:${collection}:*`);
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
});
