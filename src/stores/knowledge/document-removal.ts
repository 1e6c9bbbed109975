import type { Database } from '../../redis/databases.ts';
import { scanKeys } from '../../redis/scan.ts';
import {
  collectionDocumentsRecord,
  contentHashesRecord,
  documentIndexRecord,
} from '../../schema/knowledge.ts';
import { chunkPrefix } from './document-ids.ts';
import type { Generations } from './generations/generations.ts';
import { clearCommand, sendAsOne } from './publish.ts';
import { documentKeyOf, requireReadable } from './read-documents.ts';
import { stagedPatterns } from './staged-keys.ts';

const DOCUMENTS_PER_DELETION = 500;
/** Documents whose deletion is under way at once: others wait for no more. */
const DELETED_AT_ONCE = 16;

/** Removes documents with all that belongs to them: their chunks, also those staged beside them, and their entries in lists. */
export class DocumentRemoval {
  readonly #database: Database;
  readonly #generations: Generations;
  readonly #commandTimeoutMs: number;

  constructor(
    database: Database,
    { generations, commandTimeoutMs }: { generations: Generations; commandTimeoutMs: number },
  ) {
    this.#database = database;
    this.#generations = generations;
    this.#commandTimeoutMs = commandTimeoutMs;
  }

  /** Deletes a document with its chunks and index entries, in one MULTI or in steps. */
  async remove(docId: string, { name, chunkCount }: { name: string; chunkCount: number }): Promise<void> {
    const key = await documentKeyOf(this.#database, docId);
    if (this.#database.isCluster || (await this.#hasGeneration(key))) {
      return this.#generations.remove({ key, docId, collection: name });
    }
    const commands = [
      clearCommand(key, { docId, collection: { name } }),
      ['UNLINK', key],
      ['ZREM', documentIndexRecord.key.build({}), docId],
      ['ZREM', collectionDocumentsRecord.key.build({ collection: name }), docId],
    ];
    await sendAsOne(this.#database, commands, {
      chunks: chunkCount,
      commandTimeoutMs: this.#commandTimeoutMs,
    });
  }

  async #hasGeneration(key: string): Promise<boolean> {
    return (await this.#database.send<number>(['HEXISTS', key, 'generation'])) === 1;
  }

  /**
   * Deletes the record of a document that cannot be read, and of its chunks those that the record still tells. Others
   * are orphans then, which a cleanup removes.
   */
  async removeUnreadable(docId: string): Promise<void> {
    const key = await documentKeyOf(this.#database, docId);
    if ((await this.#database.send<string>(['TYPE', key])) === 'hash') {
      const told = ['HMGET', key, 'collection', 'chunk_count'];
      const [name, count] = await this.#database.send<(string | null)[]>(told);
      await this.remove(docId, { name: name ?? 'default', chunkCount: Number(count) || 0 });
      return;
    }
    const lists: string[] = [];
    for await (const keys of scanKeys(this.#database, collectionDocumentsRecord.key.pattern))
      lists.push(...keys);
    const entries = [documentIndexRecord.key.build({}), ...lists].map((list) => ['ZREM', list, docId]);
    // The document first: an entry that is left over is mended by a doctor, a document without one is not seen.
    await this.#database.send(['UNLINK', key]);
    await this.#database.pipeline(entries);
  }

  /** Deletes every document of a collection, each in one step, and chunks under its prefix that no document knows. */
  async removeAll(name: string): Promise<number> {
    const listed = collectionDocumentsRecord.key.build({ collection: name });
    let deleted = 0;
    // The list is emptied, not removed: a document that is published meanwhile must not be forgotten.
    for (;;) {
      const last = String(DOCUMENTS_PER_DELETION - 1);
      const docIds = await this.#database.send<string[]>(['ZRANGE', listed, '0', last]);
      if (docIds.length === 0) break;
      for (let at = 0; at < docIds.length; at += DELETED_AT_ONCE) {
        const some = docIds.slice(at, at + DELETED_AT_ONCE);
        const documents = await requireReadable(this.#database, some);
        const own = documents.filter(({ collection = 'default' }) => collection === name);
        await Promise.all(own.map(({ docId, chunkCount }) => this.remove(docId, { name, chunkCount })));
        deleted += own.length;
        const removed = new Set(own.map(({ docId }) => docId));
        const others = some.filter((docId) => !removed.has(docId));
        if (others.length > 0) await this.#database.send(['ZREM', listed, ...others]);
      }
    }
    for (const pattern of [`${chunkPrefix(name)}*`, ...stagedPatterns(name)]) {
      for await (const keys of scanKeys(this.#database, pattern)) {
        // One key a command: on a cluster they lie on different nodes.
        await this.#database.pipeline(keys.map((key) => ['UNLINK', key]));
      }
    }
    await this.#database.send(['UNLINK', contentHashesRecord.key.build({ collection: name })]);
    return deleted;
  }
}
