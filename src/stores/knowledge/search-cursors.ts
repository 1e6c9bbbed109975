import { randomUUID } from 'node:crypto';
import { errorMessage, StackloreError } from '../../errors.ts';
import type { Database } from '../../redis/databases.ts';
import { searchCursorRecord } from '../../schema/knowledge.ts';

/** A ranking that was kept, and what it was asked by. */
export interface KeptRanking {
  /** Tells whether a later page asks the same. */
  readonly fingerprint: string;
  readonly entries: unknown;
}

/** Rankings kept for a while, so that pages of one answer neither overlap nor miss anything while documents change. */
export class SearchCursors {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Keeps a ranking and gives its id. */
  async save(ranking: KeptRanking): Promise<string> {
    const cursorId = randomUUID();
    const seconds = String(searchCursorRecord.ttlSeconds);
    const value = searchCursorRecord.value.encode(JSON.stringify(ranking));
    await this.#database.send(['SET', searchCursorRecord.key.build({ cursorId }), value, 'EX', seconds]);
    return cursorId;
  }

  /** A ranking that was kept; keeps it for as long again. Throws `not_found` when it is no longer there. */
  async get(cursorId: string): Promise<KeptRanking> {
    const key = searchCursorRecord.key.build({ cursorId });
    const kept = await this.#database.send<string | null>([
      ...['GETEX', key, 'EX', String(searchCursorRecord.ttlSeconds)],
    ]);
    if (kept === null) {
      throw new StackloreError('not_found', {
        message: `The pages of this search are no longer kept (${searchCursorRecord.ttlSeconds} s after the last one). Search again from the first page.`,
      });
    }
    try {
      return JSON.parse(kept) as KeptRanking;
    } catch (error) {
      throw new StackloreError('record_invalid', {
        message: `What is kept at ${key} is no ranking: ${errorMessage(error)}. Search again from the first page.`,
        cause: error,
      });
    }
  }
}
