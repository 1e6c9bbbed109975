import type { Database } from '../../../redis/databases.ts';
import { asObject } from '../../../redis/hash.ts';
import { runScript } from '../../../redis/script.ts';
import { isId } from '../../../schema/key.ts';
import { collectionRecord, documentRecord } from '../../../schema/knowledge.ts';
import { publicationRecord } from '../../../schema/publication.ts';
import { BUMP_VERSION } from '../scripts/bump-version.ts';
import { countChunks } from './document-chunks.ts';
import { Generations } from './generations.ts';
import { publicationKey } from './places.ts';
import { UNLINK_SAME } from './scripts/fenced-chunk.ts';
import { readShown } from './shown.ts';

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
   * the same then. Chunks of a document are left alone while a publish of it has not ended, which whoever finishes it looks
   * after, and where it lacks chunks of the version it shows, as after a restore of parts: nothing else may be left of its text.
   */
  async orphans(chunks: readonly MetChunk[], { dryRun }: { dryRun: boolean }): Promise<MetChunk[]> {
    const docIds = [...new Set(chunks.map(({ docId }) => docId))];
    const shown = new Map<string, ShownAt | undefined>();
    await Promise.all(docIds.map(async (docId) => shown.set(docId, await this.#shown(docId))));
    const hidden = chunks.filter(({ docId, generation }) => {
      const document = shown.get(docId);
      return document && document.generation !== generation;
    });
    const whole = new Set<string>();
    for (const docId of new Set(hidden.map((chunk) => chunk.docId))) {
      if (await this.#isWhole(docId, shown.get(docId))) whole.add(docId);
    }
    const orphans = hidden.filter(({ docId }) => whole.has(docId));
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

  /** What a document shows; `undefined` while a publish of it has not ended, and for what is no id of one. */
  async #shown(docId: string): Promise<ShownAt | undefined> {
    if (!isId(docId)) return undefined;
    let shown: ShownAt = { key: undefined, generation: undefined };
    for (const key of documentRecord.key.candidates({ docId })) {
      const { exists, generation, isUnfinished } = await readShown(this.#database, key);
      if (isUnfinished) return undefined;
      if (exists && shown.key === undefined) shown = { key, generation };
    }
    return shown;
  }

  /** Whether a document has all chunks of the version it shows; one that is gone shows none. */
  async #isWhole(docId: string, shown: ShownAt | undefined): Promise<boolean> {
    if (shown?.key === undefined) return true;
    const count = await countChunks(this.#database, { key: shown.key, docId });
    return count !== undefined && count.generation === shown.generation && count.shown >= count.said;
  }
}

/** Where a document is, and the stored text of the generation it shows; nothing of one that is gone. */
interface ShownAt {
  readonly key: string | undefined;
  readonly generation: string | undefined;
}
