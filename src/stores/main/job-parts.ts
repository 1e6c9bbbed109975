import { RecordError } from '../../errors.ts';
import type { Database } from '../../redis/databases.ts';
import { runScript } from '../../redis/script.ts';
import { json } from '../../schema/fields.ts';
import { ingestReport, jobPartsRecord, type StoredReport } from '../../schema/jobs.ts';
import { REPORT_PART } from './scripts/report-part.ts';

/** How far all parts of a job are. */
export interface PartsProgress {
  readonly done: number;
  readonly chunks: number;
  readonly failed: number;
  /** Parts that have ended. */
  readonly ended: number;
}

const report = json(ingestReport);

/**
 * The parts of ingest jobs that several workers share. Each step is one command on one key, and repeating it changes
 * nothing: so a part may be done twice, by a worker that was killed and by the one that took over.
 */
export class JobParts {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Notes how far a part is and, with a report, that it has ended; the first report of a part stays. */
  async report(
    jobId: string,
    part: number,
    given: Omit<PartsProgress, 'ended'> & { readonly report?: StoredReport },
  ): Promise<PartsProgress> {
    const { ttlSeconds = 0 } = jobPartsRecord;
    const told = given.report === undefined ? '' : report.encode(given.report);
    const reply = await runScript<(string | null)[]>(this.#database, REPORT_PART, {
      keys: [keyOf(jobId)],
      args: [ttlSeconds, part, given.done, given.chunks, given.failed, told].map(String),
    });
    const [done = 0, chunks = 0, failed = 0, ended = 0] = reply.map(Number);
    return { done, chunks, failed, ended };
  }

  /** What became of a part, `undefined` unless it has ended. */
  async find(jobId: string, part: number): Promise<StoredReport | undefined> {
    return (await this.reports(jobId, [part]))[0];
  }

  /** What became of these parts. Throws `RecordError` for one that cannot be read. */
  async reports(jobId: string, parts: readonly number[]): Promise<(StoredReport | undefined)[]> {
    const key = keyOf(jobId);
    const fields = parts.map((part) => `report:${part}`);
    const stored = await this.#database.send<(string | null)[]>(['HMGET', key, ...fields]);
    return stored.map((wire, at) => {
      if (wire === null) return undefined;
      try {
        return report.decode(wire);
      } catch (error) {
        throw new RecordError(key, [{ field: fields[at] ?? '', message: (error as Error).message }]);
      }
    });
  }

  /** How many parts have ended. */
  async ended(jobId: string): Promise<number> {
    return Number((await this.#database.send<string | null>(['HGET', keyOf(jobId), 'ended'])) ?? 0);
  }

  /** Forgets the parts of a job. */
  async delete(jobId: string): Promise<void> {
    await this.#database.send(['UNLINK', keyOf(jobId)]);
  }
}

function keyOf(jobId: string): string {
  return jobPartsRecord.key.build({ jobId });
}
