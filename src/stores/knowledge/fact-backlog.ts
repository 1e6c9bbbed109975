import type { Database } from '../../redis/databases.ts';
import { scanKeys } from '../../redis/scan.ts';
import { runScript } from '../../redis/script.ts';
import { namedWrongType } from '../../redis/wrong-type.ts';
import { type FactsManifest, factRecord } from '../../schema/knowledge.ts';
import { contentFields, type EmbeddedFact, inputHash } from './fact-vector.ts';
import { EMBED_FACT } from './scripts/embed-fact.ts';

/** What a fact says, by its key. */
export interface FactText {
  readonly key: string;
  readonly content: Buffer;
}

const KEYS_PER_READ = 200;

/** The facts that wait for a vector: those of other writers, those changed since, those of another model. */
export class FactBacklog {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Every fact, page by page, that has no vector of what it says by this model; `scanned` counts all of a page. */
  async *pages(manifest: FactsManifest): AsyncGenerator<{ scanned: number; facts: FactText[] }> {
    const pages = scanKeys(this.#database, factRecord.key.pattern, { type: 'hash', count: KEYS_PER_READ });
    for await (const keys of pages) {
      const commands = keys.flatMap((key) => [
        ['HMGET', key, 'content', 'input_hash'],
        ['HSTRLEN', key, 'embedding'],
      ]);
      const replies = await this.#database.pipeline<unknown>(commands, { buffers: true });
      const facts = keys.flatMap((key, at) => {
        const [content, made] = replies[at * 2] as (Buffer | null)[];
        if (!content) return [];
        const isWhole = Number(replies[at * 2 + 1]) === manifest.dimensions * 4;
        const isMade = made?.toString() === inputHash(manifest, content.toString());
        return isWhole && isMade ? [] : [{ key, content }];
      });
      yield { scanned: keys.length, facts };
    }
  }

  /** Gives a fact its vector, unless it says something else by now, which is told by `false`. */
  async embed({ key, content }: FactText, embedded: EmbeddedFact): Promise<boolean> {
    const args = [content, ...contentFields(content.toString(), embedded)];
    try {
      return (await runScript<number>(this.#database, EMBED_FACT, { keys: [key], args })) === 1;
    } catch (error) {
      throw await namedWrongType(this.#database, error, new Map([[key, 'hash']]));
    }
  }
}
