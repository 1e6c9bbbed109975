import { beforeAll, describe, expect, it } from 'vitest';
import type { Database } from '../../../../src/redis/databases.ts';
import { nearestQuery } from '../../../../src/search/query.ts';
import type { Stacklore } from '../../../../src/stacklore.ts';
import type { Collection } from '../../../../src/stores/knowledge/collections.ts';
import type { NewDocument } from '../../../../src/stores/knowledge/document.ts';
import { Documents } from '../../../../src/stores/knowledge/documents.ts';
import { VectorIndex } from '../../../../src/stores/knowledge/vector-index.ts';
import { InterruptingDatabase, Killed } from '../../../support/interrupting-database.ts';
import { allKeys, openTestLore } from '../../../support/lore.ts';
import { usePrivateRedis } from '../../../support/redis.ts';

const redis = usePrivateRedis();
let lore: Stacklore;
let knowledge: Database;
let docs: Collection;

beforeAll(async () => {
  lore = openTestLore(redis);
  knowledge = lore.databases.knowledge;
  docs = await lore.createCollection('docs', { dimensions: 4, publish: 'generations' });
});

const document = (docId: string, more: Partial<NewDocument> = {}): NewDocument => ({
  ...{ docId, title: `Title of ${docId}`, source: `/docs/${docId}.md`, contentType: 'markdown' },
  ...{ wordCount: 3, hash: `hash of ${docId}`, ...more },
});
/** Each text's vector is told by its place. */
const publish = (
  docId: string,
  texts: readonly string[],
  { documents = lore.documents, ...more }: Partial<NewDocument> & { documents?: Documents } = {},
) =>
  documents.replace(
    docs,
    document(docId, more),
    texts.map((text) => ({ text })),
    texts.map((_, at) => Float32Array.of(1, at / 10, 0, 0)),
  );
const textsOf = async (docId: string) => {
  const texts: string[] = [];
  for await (const { text } of lore.documents.chunks(await lore.documents.get(docId))) texts.push(text);
  return texts;
};
/** The texts that a search shows of a document. */
const found = async (docId: string) => {
  const { hits } = await lore.search({
    ...{ vector: Float32Array.of(1, 0, 0, 0), collection: 'docs', topK: 50, filter: { docId } },
  });
  return hits.map(({ text }) => text).sort();
};
const killedAfter = (commands: number) => {
  const database = new InterruptingDatabase(knowledge, commands);
  return { database, documents: new Documents(database, { claimMs: 1 }) };
};
/** Does something again and again, killed one command later each time, until it comes to its end. */
async function killAtEveryCommand(
  work: (documents: Documents, run: number) => Promise<unknown>,
  look: (run: number) => Promise<void>,
): Promise<number> {
  for (let commands = 0; ; commands += 1) {
    const { database, documents } = killedAfter(commands);
    const error = await work(documents, commands).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    if (error && !(error instanceof Killed)) throw error;
    await look(commands);
    if (database.isAlive) return commands;
  }
}

describe('a document that is published in steps', () => {
  it('lies at the places of the schema when the publish has ended, however often it was replaced', async () => {
    await publish('steps', ['a', 'b', 'c']);
    await publish('steps', ['d', 'e'], { hash: 'other' });
    await publish('steps', ['f', 'g', 'h', 'i'], { hash: 'third' });
    expect(await allKeys(knowledge, '*steps*')).toEqual([
      'doc:steps:metadata',
      ...[0, 1, 2, 3].map((n) => `llama_index/vector_store/docs/steps_chunk_${n}`),
    ]);
    expect(await textsOf('steps')).toEqual(['f', 'g', 'h', 'i']);
    expect(await found('steps')).toEqual(['f', 'g', 'h', 'i']);
    expect(await knowledge.send(['HGETALL', 'stacklore:hashes:docs'])).toEqual(['third', 'steps']);
    expect(await knowledge.send(['ZRANGE', 'stacklore:documents:docs', '0', '-1'])).toContain('steps');
  });

  it('is gone with all that belongs to it when it was deleted', async () => {
    await publish('gone', ['a', 'b']);
    await lore.documents.delete('gone');
    expect(await allKeys(knowledge, '*gone*')).toEqual([]);
    expect(await knowledge.send(['ZSCORE', 'index:documents', 'gone'])).toBeNull();
    expect(await lore.documents.findByHash('docs', 'hash of gone')).toBeUndefined();
  });

  it('is absent or whole wherever its first publish is killed', async () => {
    const runs = await killAtEveryCommand(
      (documents, run) => publish(`new-${run}`, ['a', 'b', 'c'], { documents }),
      async (run) => {
        const isThere = (await lore.documents.find(`new-${run}`)) !== undefined;
        expect(await found(`new-${run}`)).toEqual(isThere ? ['a', 'b', 'c'] : []);
        if (isThere) expect(await textsOf(`new-${run}`)).toEqual(['a', 'b', 'c']);
      },
    );
    expect(runs).toBeGreaterThan(8);
  });

  it('is the old or the new one, whole, wherever a publish over it is killed, and the next one leaves nothing behind', async () => {
    const seen = new Set<string>();
    const runs = await killAtEveryCommand(
      async (documents, run) => {
        await publish(`over-${run}`, ['a', 'b', 'c']);
        await publish(`over-${run}`, ['d', 'e'], { documents, hash: `second ${run}` });
      },
      async (run) => {
        const texts = await textsOf(`over-${run}`);
        expect(['a b c', 'd e']).toContain(texts.join(' '));
        expect(await found(`over-${run}`)).toEqual(texts);
        seen.add(texts.join(' '));
        await publish(`over-${run}`, ['f', 'g', 'h', 'i'], { hash: `third ${run}` });
        expect(await allKeys(knowledge, `*over-${run}[_:]*`)).toHaveLength(5);
        expect(await found(`over-${run}`)).toEqual(['f', 'g', 'h', 'i']);
        expect(await lore.documents.findByHash('docs', `second ${run}`)).toBeUndefined();
      },
    );
    expect(runs).toBeGreaterThan(12);
    expect([...seen].sort()).toEqual(['a b c', 'd e']);
  });

  it('is there, whole, or gone, wherever its deletion is killed, and the next deletion or publish finishes it', async () => {
    await killAtEveryCommand(
      async (documents, run) => {
        await publish(`bye-${run}`, ['a', 'b', 'c']);
        await documents.delete(`bye-${run}`);
      },
      async (run) => {
        const isThere = (await lore.documents.find(`bye-${run}`)) !== undefined;
        expect(await found(`bye-${run}`)).toEqual(isThere ? ['a', 'b', 'c'] : []);
        await publish(`bye-${run}`, ['d'], { hash: `again ${run}` });
        await lore.documents.delete(`bye-${run}`);
        expect(await allKeys(knowledge, `*bye-${run}[_:]*`)).toEqual([]);
        expect(await lore.documents.findByHash('docs', `hash of bye-${run}`)).toBeUndefined();
      },
    );
  });
});

describe('chunks that a killed publish has left over', () => {
  it('never take the places of those that count, however many they are', async () => {
    const own = await lore.createCollection('crowded', { dimensions: 4, publish: 'generations' });
    const far = Float32Array.of(0, 1, 0, 0);
    await lore.documents.replace(own, document('far'), [{ text: 'far' }], [far]);
    const near = Array.from({ length: 300 }, (_, at) => ({ text: `near ${at}` }));
    const vectors = near.map((_, at) => Float32Array.of(1, at / 1_000, 0, 0));
    const { documents } = killedAfter(250);
    await expect(documents.replace(own, document('near'), near, vectors)).rejects.toThrow(Killed);
    const query = nearestQuery({ collection: own, vector: Float32Array.of(1, 0, 0, 0), topK: 1 });
    const { lists } = await new VectorIndex(knowledge).candidates(own, [query]);
    expect(lists[0]?.map(({ key }) => key)).toEqual(['llama_index/vector_store/crowded/far_chunk_0']);
  });
});

describe('a writer that opened the collection before its index was given other vectors', () => {
  it.each(['generations', undefined] as const)(
    'shows no chunk that the index does not find, wherever it is killed (%s)',
    async (publish) => {
      const name = `late-${publish ?? 'multi'}`;
      const before = await lore.createCollection(name, { dimensions: 4, ...(publish && { publish }) });
      await lore.reindex(name, { vectorType: 'float16' });
      const vector = Float32Array.of(0, 1, 0, 0);
      await killAtEveryCommand(
        (documents, run) =>
          documents.replace(before, document(name, { hash: `${run}` }), [{ text: 'late' }], [vector]),
        async () => {
          const { hits } = await lore.search({ vector, collection: name });
          expect(hits).toHaveLength((await lore.documents.find(name)) ? 1 : 0);
        },
      );
      expect(await lore.documents.find(name)).toBeDefined();
    },
  );
});
