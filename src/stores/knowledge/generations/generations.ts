import { setTimeout as sleep } from 'node:timers/promises';
import { StackloreError } from '../../../errors.ts';
import type { Database } from '../../../redis/databases.ts';
import { asObject } from '../../../redis/hash.ts';
import { runScript } from '../../../redis/script.ts';
import { snakeCase } from '../../../schema/fields.ts';
import {
  collectionDocumentsRecord,
  collectionRecord,
  contentHashesRecord,
  documentIndexRecord,
  documentRecord,
} from '../../../schema/knowledge.ts';
import type { Collection } from '../collections.ts';
import type { StoredDocument } from '../document.ts';
import { checkOwner } from '../publish.ts';
import { BUMP_VERSION } from '../scripts/bump-version.ts';
import { type ChunkFields, copyParked, freeChunks, writeChunks } from './chunk-steps.ts';
import { PARKED } from './places.ts';
import { CLAIM_MS, Publication, PublicationLost, type PublicationTarget } from './publication.ts';
import { DROP_HASH } from './scripts/fenced-chunk.ts';

/** A version of a document that is to be published. */
export interface NewVersion {
  readonly key: string;
  readonly collection: Collection;
  readonly document: StoredDocument;
  readonly chunks: readonly ChunkFields[];
  /** Gives chunks, told by their numbers, what was declared since the collection was opened. */
  readonly catchUp: (numbers: readonly number[]) => Promise<void>;
}

/** What became of the collection meanwhile. */
export type PublishOutcome = 'asExpected' | 'collectionGone' | 'manifestChanged';

const ATTEMPTS = 5;

/**
 * Publishes and deletes documents whose keys lie on several servers, so that no one step can change them all. Chunks
 * count only while the document's hash names their generation, so that writing it is what shows the new version; a crash at
 * any command leaves the old or the new version visible, whole, and who comes next finishes what is left.
 */
export class Generations {
  readonly #database: Database;
  readonly #claimMs: number;

  constructor(database: Database, { claimMs = CLAIM_MS }: { claimMs?: number } = {}) {
    this.#database = database;
    this.#claimMs = claimMs;
  }

  /**
   * Makes a version of a document visible in place of the one before. A first version goes to its places at once; another one
   * is parked beside the one before, shown, and then moved to its places. Throws `already_exists` for a document of another
   * collection, `busy`.
   */
  publish({ key, collection, document, chunks, catchUp }: NewVersion): Promise<PublishOutcome> {
    const { name } = collection;
    const { docId, chunkCount } = document;
    const target: PublicationTarget = { key, docId, collection: name, chunkCount };
    return this.#held(target, async (publication) => {
      requireOwner(publication, name);
      const { start, generation } = publication;
      await writeChunks(this.#database, publication, { start, generation, chunks });
      // Before readers see them: an index that was switched to meanwhile may not find them as they are.
      const isChanged = (await this.#outcome(collection)) === 'manifestChanged';
      if (isChanged) await catchUp(chunks.map((_, n) => start + n));
      await this.#list(document, name);
      await this.#show(publication, { ...document, generation, chunkStart: start });
      const outcome = await this.#outcome(collection);
      if (outcome === 'collectionGone') {
        await this.#removeHeld(publication);
        return outcome;
      }
      if (start === PARKED) {
        const placed = { start: 0, generation: generation + 1 };
        if (isChanged) await copyParked(this.#database, publication, { chunkCount, ...placed });
        else await writeChunks(this.#database, publication, { ...placed, chunks });
        await this.#show(publication, { ...document, generation: placed.generation, chunkStart: 0 });
      }
      await this.#freeBeyond(publication, chunkCount);
      // Once more: a doctor may have taken the entry of a document that was not shown yet for a stale one.
      await this.#list(document, name);
      await this.#enterHash(publication, document.hash);
      return outcome;
    });
  }

  /** Deletes a document with what belongs to it. */
  async remove(target: Omit<PublicationTarget, 'chunkCount'>): Promise<void> {
    await this.#held({ ...target, chunkCount: 0 }, (publication) => this.#removeHeld(publication));
  }

  /** Deletes a document if it is still as told once nobody else can publish it; gives whether it did. */
  async removeIf(
    target: Omit<PublicationTarget, 'chunkCount'>,
    isStillSo: () => Promise<boolean>,
  ): Promise<boolean> {
    return this.#held({ ...target, chunkCount: 0 }, async (publication) => {
      const isWanted = await isStillSo();
      if (isWanted) await this.#removeHeld(publication);
      else await this.#settle(publication);
      return isWanted;
    });
  }

  /** Finishes what a killed process has left of a document, waiting for one that is at it. */
  async finish(target: Omit<PublicationTarget, 'chunkCount'>): Promise<void> {
    await this.#held({ ...target, chunkCount: 0 }, (publication) => this.#settle(publication));
  }

  /** Does something while holding the publication of a document; again from the beginning where it was lost meanwhile. */
  async #held<T>(target: PublicationTarget, work: (publication: Publication) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      const publication = await Publication.claim(this.#database, target, { claimMs: this.#claimMs });
      if (typeof publication === 'string') {
        // What is left over there must be known to nobody else before it is forgotten.
        await this.finish({ ...target, collection: publication });
        continue;
      }
      try {
        const done = await work(publication);
        await publication.release();
        return done;
      } catch (error) {
        if (!(error instanceof PublicationLost)) {
          await this.#settle(publication)
            .then(() => publication.release())
            .catch(() => {}); // what cannot be finished now is left to whoever comes next
          throw error;
        }
        if (attempt === ATTEMPTS) throw wasHeldUp(target.docId);
        await sleep(attempt * 10);
      }
    }
  }

  /** Shows readers another version: from this one command on they see its chunks, and no others. */
  async #show(publication: Publication, version: StoredDocument): Promise<void> {
    const { chunkStart, ...rest } = version;
    const shown = chunkStart === 0 ? rest : version;
    const names = Object.keys(documentRecord.fields) as (keyof typeof documentRecord.fields)[];
    const going = names
      .filter((name) => (shown as Partial<StoredDocument>)[name] === undefined)
      .map(snakeCase);
    await publication.flip(documentRecord.encode(shown), going);
    await this.#bumpVersion(publication.target.collection);
  }

  async #removeHeld(publication: Publication): Promise<void> {
    const { before, generation } = publication;
    if (before && before.generation === undefined) {
      // Its chunks name no generation, so that without the document they would count as those of other programs.
      await publication.flip(['generation', String(generation), 'chunk_count', '0'], []);
      await this.#freeBeyond(publication, 0);
    }
    await publication.removeDocument();
    await this.#bumpVersion(publication.target.collection);
    await this.#forget(publication);
  }

  /** Brings a document to its steady state, whatever a process was at when it was killed. */
  async #settle(publication: Publication): Promise<void> {
    const { key, collection, docId } = publication.target;
    const stored = asObject(await this.#database.send<string[]>(['HGETALL', key]));
    if (stored.chunk_count === undefined || (stored.collection ?? collection) !== collection) {
      await this.#forget(publication, stored.chunk_count !== undefined);
      return;
    }
    const chunkCount = Number(stored.chunk_count);
    if (Number(stored.chunk_start ?? 0) === PARKED) {
      const generation = publication.generation + 1;
      await copyParked(this.#database, publication, { chunkCount, generation });
      await publication.flip(['generation', String(generation)], ['chunk_start']);
    }
    await this.#bumpVersion(collection);
    await this.#freeBeyond(publication, chunkCount);
    const updatedAt = timeOf(stored.updated_at);
    if (updatedAt) await this.#list({ docId, updatedAt }, collection);
    if (stored.hash !== undefined) await this.#enterHash(publication, stored.hash);
  }

  /** Removes all that is left of a document that is gone from the collection, or never came. */
  async #forget(publication: Publication, isElsewhere = false): Promise<void> {
    const { collection, docId } = publication.target;
    await this.#freeBeyond(publication, 0);
    if (!isElsewhere) await this.#database.send(['ZREM', documentIndexRecord.key.build({}), docId]);
    await this.#database.send(['ZREM', collectionDocumentsRecord.key.build({ collection }), docId]);
    await this.#dropHash(publication);
  }

  /** Enters a document into the lists; before it is shown, so that no list ever lacks one that is there. */
  async #list({ docId, updatedAt }: Pick<StoredDocument, 'docId' | 'updatedAt'>, collection: string) {
    const seconds = String(Math.floor(updatedAt.getTime() / 1_000));
    await this.#database.pipeline([
      ['ZADD', documentIndexRecord.key.build({}), seconds, docId],
      ['ZADD', collectionDocumentsRecord.key.build({ collection }), seconds, docId],
    ]);
  }

  /** Enters the content hash; after the document is shown, so that it names no document without that content. */
  async #enterHash(publication: Publication, hash: string): Promise<void> {
    const { collection, docId } = publication.target;
    await this.#database.send(['HSET', contentHashesRecord.key.build({ collection }), hash, docId]);
    if (publication.hashBefore !== hash) await this.#dropHash(publication);
  }

  async #dropHash({ target: { collection, docId }, hashBefore }: Publication): Promise<void> {
    if (hashBefore === undefined) return;
    const keys = [contentHashesRecord.key.build({ collection })];
    await runScript(this.#database, DROP_HASH, { keys, args: [hashBefore, docId] });
  }

  /** Removes the chunks of all versions but those at the first places. */
  async #freeBeyond(publication: Publication, chunkCount: number): Promise<void> {
    const { placed, parked, generation } = publication;
    // The publication itself writes two generations at most.
    const below = generation + 2;
    await freeChunks(this.#database, publication, { from: chunkCount, to: placed, below });
    await freeChunks(this.#database, publication, { from: PARKED, to: PARKED + parked, below });
  }

  async #outcome({ name, createdAt, manifest }: Collection): Promise<PublishOutcome> {
    const key = collectionRecord.key.build({ collection: name });
    const names = ['HMGET', key, 'created_at', 'manifest'];
    const [created, stored] = await this.#database.send<(string | null)[]>(names);
    const { fields } = collectionRecord;
    if (created !== fields.createdAt.encode(createdAt)) return 'collectionGone';
    return stored === fields.manifest.encode(manifest) ? 'asExpected' : 'manifestChanged';
  }

  async #bumpVersion(collection: string): Promise<void> {
    await runScript(this.#database, BUMP_VERSION, { keys: [collectionRecord.key.build({ collection })] });
  }
}

/** A time that cannot be read is told of by a doctor, and keeps nothing from being finished. */
function timeOf(stored: string | undefined): Date | undefined {
  try {
    return documentRecord.fields.updatedAt.decode(stored ?? '');
  } catch {
    return undefined;
  }
}

function requireOwner({ before, target }: Publication, collection: string): void {
  checkOwner(before && { docId: target.docId, collection: before.collection }, collection);
}

function wasHeldUp(docId: string): StackloreError {
  return new StackloreError('busy', {
    message: `Publishing document "${docId}" took so long that other programs took it over, again and again. Repeat when the machine is less busy.`,
  });
}
