import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { backup } from '../../../src/maintenance/backup/backup.ts';
import type { Database } from '../../../src/redis/databases.ts';
import type { Stacklore } from '../../../src/stacklore.ts';
import type { Collection } from '../../../src/stores/knowledge/collections.ts';
import { Documents } from '../../../src/stores/knowledge/documents.ts';
import { interfered } from '../../support/interfered-database.ts';
import { InterruptingDatabase } from '../../support/interrupting-database.ts';
import { allKeys, openTestLore } from '../../support/lore.ts';
import { usePrivateRedis } from '../../support/redis.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const source = usePrivateRedis();
const target = usePrivateRedis();
let from: Stacklore;
let to: Stacklore;

beforeAll(() => {
  from = openTestLore(source);
  to = openTestLore(target);
});
beforeEach(async () => {
  for (const lore of [from, to]) {
    for (const name of await lore.collections.names()) await lore.dropCollection(name);
  }
});

/** So many that they are read in several goes, so that a publish may come in between. */
const [FIRST, SECOND] = [140, 135];
/** By then a publish over another version has shown the one that it has parked. */
const SHOWN_PARKED = SECOND + 12;

/** Publishes a version whose chunks all have its name, and are told apart by their vectors. */
const publish = (documents: Documents, collection: Collection, version: string, chunks: number) =>
  documents.replace(
    collection,
    {
      ...{ docId: 'tides', title: 'Tides', source: 'tides.md', contentType: 'markdown', wordCount: 1 },
      hash: version,
    },
    Array.from({ length: chunks }, () => ({ text: version })),
    Array.from({ length: chunks }, (_, at) => Float32Array.of(1, at / 1_000, 0, 0)),
  );

async function clear({ databases: { knowledge } }: Stacklore): Promise<void> {
  for (const key of await allKeys(knowledge, '*')) await knowledge.send(['UNLINK', key]);
}

async function textsOf(lore: Stacklore): Promise<string[]> {
  const texts: string[] = [];
  for await (const { text } of lore.documents.chunks(await lore.documents.get('tides'))) texts.push(text);
  return texts;
}

/** What is found of the document in the target, which must be one version, with all its chunks. */
async function expectWhole(): Promise<string> {
  const texts = await textsOf(to);
  const { hash } = await to.documents.get('tides');
  expect(new Set(texts)).toEqual(new Set([hash]));
  expect(texts).toHaveLength(hash === 'first' ? FIRST : SECOND);
  const { hits } = await to.search({
    ...{ vector: Float32Array.of(1, 0, 0, 0), collection: 'docs', topK: 1_000 },
  });
  expect(hits.map(({ text }) => text)).toEqual(texts);
  return hash;
}

const toItsEnd = (knowledge: Database) => new Documents(knowledge);
const untilKilled = (knowledge: Database) =>
  new Documents(new InterruptingDatabase(knowledge, SHOWN_PARKED), { claimMs: 1 });

describe('a document that is published anew during a backup', () => {
  it.each([
    ['by generations', { publish: 'generations' }, toItsEnd],
    ['by generations, until it is killed', { publish: 'generations' }, untilKilled],
    ['in one step', {}, toItsEnd],
  ] as const)('is restored whole, at whatever moment that is: %s', async (_, options, documentsOn) => {
    const { knowledge } = from.databases;
    const docs = await from.createCollection('docs', { dimensions: 4, ...options });
    const seen = new Set<string>();
    for (let nth = 0, isOver = false; !isOver; nth += 1) {
      await publish(from.documents, docs, 'first', FIRST);
      const { database, commands } = interfered(knowledge, nth, () =>
        publish(documentsOn(knowledge), docs, 'second', SECOND).catch(() => undefined),
      );
      const { archives } = await backup(
        { databases: { ...from.databases, knowledge: database }, folder: temporaryFolder() },
        { databases: ['knowledge'] },
      );
      isOver = commands() <= nth;
      await clear(to);
      await to.maintenance.restore({ file: archives[0]?.path ?? '' });
      seen.add(await expectWhole());
      const { findings } = await to.maintenance.diagnose();
      expect(findings.filter(({ check }) => ['chunks', 'missing chunks'].includes(check))).toEqual([]);
      await to.maintenance.cleanup({ orphans: true, emptyDocuments: true });
      await expectWhole();
    }
    expect([...seen].sort()).toEqual(['first', 'second']);
  });
});
