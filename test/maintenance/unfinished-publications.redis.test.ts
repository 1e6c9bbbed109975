import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { removeOrphans } from '../../src/maintenance/orphans.ts';
import type { Database } from '../../src/redis/databases.ts';
import type { Stacklore } from '../../src/stacklore.ts';
import type { Collection } from '../../src/stores/knowledge/collections.ts';
import { Documents } from '../../src/stores/knowledge/documents.ts';
import { interfered } from '../support/interfered-database.ts';
import { InterruptingDatabase } from '../support/interrupting-database.ts';
import { allKeys, openTestLore } from '../support/lore.ts';
import { usePrivateRedis } from '../support/redis.ts';

const redis = usePrivateRedis();
let lore: Stacklore;
let knowledge: Database;
let docs: Collection;

beforeAll(async () => {
  lore = openTestLore(redis);
  knowledge = lore.databases.knowledge;
  docs = await lore.createCollection('docs', { dimensions: 4, publish: 'generations' });
});

const publish = (documents: Documents, docId: string, texts: readonly string[]) =>
  documents.replace(
    docs,
    {
      ...{ docId, title: docId, source: docId, contentType: 'text', wordCount: 1 },
      hash: `${docId} ${texts.join(' ')}`,
    },
    texts.map((text) => ({ text })),
    texts.map((_, at) => Float32Array.of(1, at, 0, 0)),
  );
/** Publishes until it is killed before its nth command; who comes then may take over at once, or has to wait for a minute. */
const killed = (commands: number, claimMs = 1) =>
  new Documents(new InterruptingDatabase(knowledge, commands), { claimMs });
const textsOf = async (docId: string) => {
  const texts: string[] = [];
  for await (const { text } of lore.documents.chunks(await lore.documents.get(docId))) texts.push(text);
  return texts;
};
/** What the doctor finds of chunks. */
const findChunks = async () => {
  const { findings } = await lore.maintenance.diagnose();
  return findings.filter(({ check }) => check === 'chunks' || check === 'missing chunks');
};

it('finishes publishes whose process was killed, and removes what they have left over', async () => {
  await publish(lore.documents, 'first', ['a', 'b']);
  // Killed at so many commands that something is parked, that it is shown, and that its places are being written.
  for (const [at, commands] of [9, 12, 15, 18].entries()) {
    const docId = `doc-${at}`;
    await publish(lore.documents, docId, ['a', 'b', 'c']);
    await expect(publish(killed(commands), docId, ['d', 'e'])).rejects.toThrow();
  }
  await expect(publish(killed(7), 'never', ['x', 'y'])).rejects.toThrow();
  const { findings } = await lore.maintenance.diagnose();
  expect(findings.map(({ what }) => what).join()).toContain('5 documents were being published');
  await lore.maintenance.cleanup({ orphans: true });
  expect(await allKeys(knowledge, 'stacklore:publishing:*')).toEqual([]);
  for (const docId of ['doc-0', 'doc-1', 'doc-2', 'doc-3']) {
    const texts = await textsOf(docId);
    expect(['abc', 'de']).toContain(texts.join(''));
    expect(await allKeys(knowledge, `llama_index/vector_store/docs/${docId}_*`)).toHaveLength(texts.length);
  }
  expect(await allKeys(knowledge, '*never*')).toEqual([]);
  expect(await knowledge.send(['ZRANGE', 'index:documents', '0', '-1'])).not.toContain('never');
});

it('leaves a document alone that is being published for the first time', async () => {
  await expect(publish(killed(7, 60_000), 'coming', ['x', 'y'])).rejects.toThrow();
  const before = await allKeys(knowledge, '*coming*');
  expect(before).toHaveLength(3);
  expect(await lore.documents.find('coming')).toBeUndefined();
  expect(await findChunks()).toEqual([]);
  expect(await lore.maintenance.cleanup({ orphans: true })).toMatchObject({ total: 0 });
  expect(await allKeys(knowledge, '*coming*')).toEqual(before);
});

it('removes chunks that a writer has left which was held up longer than others waited for it', async () => {
  await publish(lore.documents, 'stray', ['a']);
  const stray = 'llama_index/vector_store/docs/stray_chunk_7';
  await knowledge.send(['COPY', 'llama_index/vector_store/docs/stray_chunk_0', stray]);
  await knowledge.send(['HSET', stray, 'generation', '5']);
  const { version } = await lore.collections.get('docs');
  expect(await lore.maintenance.cleanup({ orphans: true })).toMatchObject({
    orphans: { count: 1, examples: [stray] },
  });
  expect((await lore.collections.get('docs')).version).toBe(version + 1);
  expect(await textsOf('stray')).toEqual(['a']);
});

it('leaves the chunks of a writer alone that is held up longer than others wait for it, at whatever command', async () => {
  for (let nth = 0, isOver = false; !isOver; nth += 1) {
    const { database, commands } = interfered(knowledge, nth, async () => {
      await sleep(3);
      expect(await removeOrphans(knowledge, { dryRun: false })).toMatchObject({ count: 0 });
    });
    await publish(new Documents(database, { claimMs: 1 }), 'slow', [`x${nth}`, `y${nth}`]);
    expect(await textsOf('slow')).toEqual([`x${nth}`, `y${nth}`]);
    isOver = commands() <= nth;
  }
});

describe('a document whose chunks are of another version than it shows, as after a restore of parts', () => {
  const tear = async (docId: string, chunks: number) => {
    await publish(lore.documents, docId, ['a', 'b', 'c']);
    for (let n = 0; n < chunks; n += 1) {
      await knowledge.send(['HSET', `llama_index/vector_store/docs/${docId}_chunk_${n}`, 'generation', '5']);
    }
    return allKeys(knowledge, `*${docId}*`);
  };

  it.each([
    ['some', 2],
    ['all', 3],
  ])('is told by the doctor, keeps them, and is put right by the next ingest: %s', async (name, chunks) => {
    const before = await tear(name, chunks);
    expect(await findChunks()).toMatchObject([
      { what: `1 documents have lost chunks: ${name} (${3 - chunks} of 3).`, severity: 'error' },
    ]);
    expect(await lore.maintenance.cleanup({ orphans: true, emptyDocuments: true })).toMatchObject({
      total: 0,
    });
    expect(await allKeys(knowledge, `*${name}*`)).toEqual(before);
    await publish(lore.documents, name, ['d', 'e']);
    expect(await textsOf(name)).toEqual(['d', 'e']);
    expect(await allKeys(knowledge, `llama_index/vector_store/docs/${name}_*`)).toHaveLength(2);
    expect(await findChunks()).toEqual([]);
  });
});

it('refuses other chunk sizes, which change places in one step, with what to do instead', async () => {
  await lore.createCollection('made', { publish: 'generations' });
  await lore.ingestTexts([{ source: 's', text: 'Some text to be cut.' }], { collection: 'made' });
  await expect(lore.reindex('made', { chunkSize: 64, chunkOverlap: 0 })).rejects.toMatchObject({
    code: 'invalid_input',
    message: expect.stringContaining('Ingest into a new collection'),
  });
});
