import type { Database } from '../../../redis/databases.ts';
import { asObject } from '../../../redis/hash.ts';
import { runScript } from '../../../redis/script.ts';
import { isId } from '../../../schema/key.ts';
import { collectionRecord, documentRecord } from '../../../schema/knowledge.ts';
import { publicationRecord } from '../../../schema/publication.ts';
import { BUMP_VERSION } from '../scripts/bump-version.ts';
import { Generations } from './generations.ts';
import { publicationKey } from './places.ts';
import { UNLINK_SAME } from './scripts/fenced-chunk.ts';
import { readShown, type Shown } from './shown.ts';

/** A chunk as a scan met it. */
export interface MetChunk {
  readonly key: string;
  readonly docId: string;
  readonly collection: string;
  /** The stored text of its generation; empty where it has none. */
  readonly generation: string;
}

/** What publishes in steps have left over, because their process was killed or held up. */
export class GenerationLeftovers {
  readonly #database: Database;
  readonly #generations: Generations;

  constructor(database: Database) {
    this.#database = database;
    this.#generations = new Generations(database);
  }

  /** Those of these publications that nobody is at any more, by the ids of their documents; unless told otherwise finished. */
  async finish(keys: readonly string[], { dryRun }: { dryRun: boolean }): Promise<string[]> {
    const finished: string[] = [];
    for (const key of keys) {
      const fields = asObject(await this.#database.send<string[]>(['HGETALL', key]));
      if (Object.keys(fields).length === 0) continue;
      const { docId, collection } = publicationRecord.decode(fields, key);
      const documentKey = documentRecord.key.candidates({ docId }).find((one) => publicationKey(one) === key);
      if (documentKey === undefined || (await readShown(this.#database, documentKey)).isHeld) continue;
      // Released or taken anew since it was read: nobody was killed.
      const generation = await this.#database.send<string | null>(['HGET', key, 'generation']);
      if (generation !== fields.generation) continue;
      if (!dryRun) await this.#generations.finish({ key: documentKey, docId, collection });
      finished.push(docId);
    }
    return finished;
  }

  /**
   * Those of these chunks that no document shows and nobody is writing; unless told otherwise deleted, if they are still
   * the same then. Chunks of a document that is being published are left alone.
   */
  async orphans(chunks: readonly MetChunk[], { dryRun }: { dryRun: boolean }): Promise<MetChunk[]> {
    const docIds = [...new Set(chunks.map(({ docId }) => docId))];
    const shown = new Map<string, Shown>();
    await Promise.all(docIds.map(async (docId) => shown.set(docId, await this.#shown(docId))));
    const orphans = chunks.filter(({ docId, generation }) => {
      const document = shown.get(docId);
      return document && !document.isHeld && (!document.exists || document.generation !== generation);
    });
    if (dryRun) return orphans;
    const removed = await this.#database.pipeline<number>(
      orphans.map(({ key, generation, docId }) => UNLINK_SAME.evalCommand([key], [generation, docId])),
    );
    const gone = orphans.filter((_, at) => removed[at] === 1);
    for (const collection of new Set(gone.map((chunk) => chunk.collection))) {
      await runScript(this.#database, BUMP_VERSION, { keys: [collectionRecord.key.build({ collection })] });
    }
    return gone;
  }

  async #shown(docId: string): Promise<Shown> {
    if (!isId(docId)) return { exists: true, generation: '', isHeld: true };
    const all: Shown[] = [];
    for (const key of documentRecord.key.candidates({ docId }))
      all.push(await readShown(this.#database, key));
    const [first] = all.filter(({ exists }) => exists);
    return {
      exists: first !== undefined,
      generation: first?.generation ?? '',
      isHeld: all.some(({ isHeld }) => isHeld),
    };
  }
}
