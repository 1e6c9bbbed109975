import { beforeAll, expect, it } from 'vitest';
import { StackloreError } from '../../../src/errors.ts';
import type { ReindexParts } from '../../../src/maintenance/reindex/parts.ts';
import { reindex } from '../../../src/maintenance/reindex/reindex.ts';
import type { ReindexInput } from '../../../src/maintenance/reindex/request.ts';
import type { Database } from '../../../src/redis/databases.ts';
import type { Stacklore } from '../../../src/stacklore.ts';
import { Collections } from '../../../src/stores/knowledge/collections.ts';
import { Documents } from '../../../src/stores/knowledge/documents.ts';
import { Reindexes } from '../../../src/stores/knowledge/reindexes.ts';
import { VectorIndex } from '../../../src/stores/knowledge/vector-index.ts';
import { FakeEmbedder } from '../../support/fake-embedder.ts';
import { allKeys, openTestLore } from '../../support/lore.ts';
import { passThrough } from '../../support/pass-through.ts';
import { usePrivateRedis } from '../../support/redis.ts';

const redis = usePrivateRedis();
const embedder = new FakeEmbedder();
const [SMALL, LARGE] = [
  { chunkSize: 16, chunkOverlap: 4 },
  { chunkSize: 32, chunkOverlap: 8 },
];
const SUBJECTS = ['harbour', 'museum'];
/** What changes nothing, so that being killed before it is being killed after the write before it. */
const READS =
  /^(?:H(?:GET|GETALL|MGET|EXISTS|STRLEN)|Z(?:RANGE|CARD)|EXISTS|SCAN|INFO|TYPE|FT\.(?:INFO|_LIST|SEARCH))$/;
let lore: Stacklore;
/** The texts of the chunks of each subject, in small chunks and in large ones. */
let cuts: Record<string, readonly string[]>[];

/** A database that does no more from the nth write on, as if its program was killed then. */
function dyingDatabase(real: Database, writes: number): Database {
  let left = writes;
  const mayGoOn = (commands: readonly (readonly unknown[])[]) => {
    if (!commands.every(([name]) => READS.test(String(name)))) left -= 1;
    if (left < 0) throw new StackloreError('database_unreachable', { message: 'The program was killed.' });
  };
  return passThrough(real, {
    async send(command, options) {
      mayGoOn([command]);
      return real.send(command, options);
    },
    async pipeline(commands, options) {
      mayGoOn(commands);
      return real.pipeline(commands, options);
    },
    async transaction(commands, options) {
      mayGoOn([['MULTI']]);
      return real.transaction(commands, options);
    },
  });
}

function partsOf(knowledge: Database): ReindexParts {
  return {
    ...{ knowledge, graceMs: 0, embedder: async () => embedder },
    collections: new Collections(knowledge),
    documents: new Documents(knowledge),
    vectorIndex: new VectorIndex(knowledge),
    reindexes: new Reindexes(knowledge),
    openModel: async () => embedder,
    answer: async () => [],
  };
}

const textOf = (subject: string) =>
  Array.from({ length: 5 }, (_, n) => `Sentence ${n} says of the ${subject} what number ${n} is for.`).join(
    ' ',
  );

async function publish(collection: string, settings: typeof SMALL) {
  await lore.ingestTexts(
    SUBJECTS.map((subject) => ({
      ...{ text: textOf(subject), source: subject, docId: `${collection}-${subject}`, title: subject },
    })),
    { collection, settings },
  );
}

async function textsOf(collection: string) {
  const { knowledge } = lore.databases;
  const all: Record<string, string[]> = {};
  for (const subject of SUBJECTS) {
    const docId = `${collection}-${subject}`;
    const keys = await allKeys(knowledge, `llama_index/vector_store/${collection}/${docId}_chunk_*`);
    const { chunkCount } = await lore.documents.get(docId);
    expect(keys).toHaveLength(chunkCount);
    const texts = await knowledge.pipeline<string>(keys.map((key) => ['HGET', key, 'text']));
    all[subject] = texts;
  }
  return all;
}

/** Whatever happened, each document is whole, in one cut or the other, and found by both sides. */
async function check(collection: string) {
  const texts = await textsOf(collection);
  for (const subject of SUBJECTS) {
    expect(cuts.map((cut) => cut[subject])).toContainEqual(texts[subject]);
    for (const mode of ['vector', 'text'] as const) {
      const { hits, warnings } = await lore.search({ query: `the ${subject}`, collection, mode });
      expect([hits[0]?.docId, warnings]).toEqual([`${collection}-${subject}`, []]);
      expect(texts[subject]).toContain(hits[0]?.text);
    }
  }
}

beforeAll(async () => {
  lore = openTestLore(redis, {}, { embedder });
  await publish('small', SMALL);
  await publish('large', LARGE);
  cuts = [await textsOf('small'), await textsOf('large')];
  expect(cuts[0]).not.toEqual(cuts[1]);
});

/** An end, the calls that lead there, the cut it leaves, and the first write to be killed before. */
const ENDS: [string, ReindexInput[], number, number][] = [
  ['finished', [LARGE, { finish: true }], 1, 0],
  // Up to there both are the same.
  ['rolled back', [LARGE, { rollback: true }], 0, 12],
];

it.each(ENDS)(
  'killed before any write on its way to being %s, it goes on when repeated',
  {
    timeout: 60_000,
  },
  async (_, calls, wanted, from) => {
    const { knowledge } = lore.databases;
    const states = new Set<string>();
    for (let writes = from; ; writes += 1) {
      const collection = `killed-${wanted}-${writes}`;
      await publish(collection, SMALL);
      const dying = partsOf(dyingDatabase(knowledge, writes));
      let isKilled = false;
      for (const call of calls) {
        try {
          // Whoever is killed calls nothing more; the same call is repeated by another process.
          await reindex(isKilled ? partsOf(knowledge) : dying, collection, call);
        } catch (error) {
          expect(error).toMatchObject({ code: 'database_unreachable' });
          isKilled = true;
          await check(collection);
          states.add(JSON.stringify(await textsOf(collection)));
          await knowledge.send(['UNLINK', `stacklore:reindex-lock:${collection}`]);
          await reindex(partsOf(knowledge), collection, call);
        }
      }
      expect(await textsOf(collection)).toEqual(cuts[wanted]);
      await check(collection);
      expect(await allKeys(knowledge, `stacklore:staged-*:${collection}:*`)).toEqual([]);
      expect(await allKeys(knowledge, `stacklore:reindex:${collection}`)).toEqual([]);
      await lore.dropCollection(collection);
      if (!isKilled) break;
      expect(writes).toBeLessThan(100);
    }
    // All in the chunks of before, all in the new ones, and on the way.
    expect(states.size).toBeGreaterThanOrEqual(3);
  },
);
