import { randomUUID } from 'node:crypto';
import { StackloreError } from '../../errors.ts';
import type { Database } from '../../redis/databases.ts';
import { readHash, type UnreadableRecord, unreadable } from '../../redis/hash.ts';
import { runScript } from '../../redis/script.ts';
import { writeInOrder } from '../../redis/write-in-order.ts';
import { type Field, snakeCase, type Wire } from '../../schema/fields.ts';
import {
  ingestJobRecord,
  JOB_TTL_SECONDS,
  type JobState,
  jobInputRecord,
  ownerJobsRecord,
  type StoredIngestJob,
} from '../../schema/jobs.ts';
import type { Page } from '../knowledge/documents.ts';
import { readRecords } from '../read-records.ts';
import { checkPage } from './check-input.ts';
import { queueOf } from './ingest-queues.ts';
import { JobParts } from './job-parts.ts';
import { makeTask } from './new-task.ts';
import { queueKeys } from './queue-keys.ts';
import { CHANGE_JOB } from './scripts/change-job.ts';

/** An ingest in the background. */
export type IngestJob = StoredIngestJob & { readonly jobId: string; readonly failed: number };

/** A job to be queued, whose inputs are stored already. */
export type NewIngestJob = Pick<
  StoredIngestJob,
  'owner' | 'collection' | 'kind' | 'inputs' | 'settings' | 'options' | 'userId' | 'qualifyIds' | 'sources'
> & { readonly jobId: string };

/** Jobs of an owner; those that cannot be read are named and left out. */
export interface JobPage extends Page<IngestJob> {
  readonly unreadable: readonly UnreadableRecord[];
}

/**
 * How far a job is: sources looked at of how many, documents among them, or sources without any, that failed, and chunks stored.
 */
export type JobProgress = Pick<IngestJob, 'sources' | 'done' | 'failed' | 'chunks'>;

/** What is stored of an upload with one command. */
const PIECE_BYTES = 1_048_576;
const LONGEST_UNLISTED_MS = 4 * JOB_TTL_SECONDS * 1_000;
const CANCEL_ATTEMPTS = 10;

type Changes = { readonly [Name in keyof StoredIngestJob]?: StoredIngestJob[Name] | undefined };

/**
 * Ingest jobs: what they ingest, where they stand and whose they are. Each is a task of the queue `INGEST_QUEUE` too,
 * by which a worker comes to it.
 */
export class IngestJobs {
  readonly #database: Database;
  readonly #now: () => number;
  readonly #newId: () => string;
  /** The parts of jobs that workers share. */
  readonly parts: JobParts;

  constructor(database: Database, { now = Date.now, newId = (): string => randomUUID() } = {}) {
    this.#database = database;
    this.parts = new JobParts(database);
    this.#now = now;
    this.#newId = newId;
  }

  /** An id for a job whose inputs are going to be stored. */
  newId(): string {
    return this.#newId();
  }

  /**
   * Stores what a job is going to ingest, piece by piece as it comes, in place of what was there, and gives its length in
   * bytes. It is gone after some days, also when no job comes of it.
   */
  async addInput(
    place: { jobId: string; input: number },
    bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  ): Promise<number> {
    const key = inputKey(place);
    let size = 0;
    let pending: Uint8Array[] = [];
    let length = 0;
    let isFirst = true;
    const flush = async (): Promise<void> => {
      if (length === 0) return;
      const piece = Buffer.concat(pending);
      pending = [];
      length = 0;
      await this.#database.transaction([
        ...(isFirst ? [['UNLINK', key]] : []),
        ['RPUSH', key, piece],
        ['EXPIRE', key, String(JOB_TTL_SECONDS)],
      ]);
      isFirst = false;
    };
    for await (const part of bytes) {
      for (let at = 0; at < part.length; at += PIECE_BYTES) {
        const some = part.subarray(at, at + PIECE_BYTES);
        pending.push(some);
        length += some.length;
        size += some.length;
        if (length >= PIECE_BYTES) await flush();
      }
    }
    await flush();
    return size;
  }

  /** What was stored for a job, piece by piece. Throws `not_found` when it is not all there any more. */
  async *input(place: { jobId: string; input: number }, bytes: number): AsyncGenerator<Buffer> {
    const key = inputKey(place);
    let size = 0;
    for (let at = 0; size < bytes; at += 1) {
      const piece = await this.#database.send<Buffer | null>(['LINDEX', key, String(at)], { buffers: true });
      if (piece === null) {
        throw new StackloreError('not_found', {
          message: 'What was uploaded for this job is gone. Upload it again.',
        });
      }
      size += piece.length;
      yield piece;
    }
  }

  /** Deletes the inputs of a job, or of one that was not made. */
  async deleteInputs(jobId: string, inputs: number): Promise<void> {
    if (inputs === 0) return;
    const keys = Array.from({ length: inputs }, (_, input) => inputKey({ jobId, input }));
    await this.#database.send(['UNLINK', ...keys]);
  }

  /** Records a job and queues it, both or neither; on a cluster it is queued last. */
  async create({ jobId, ...given }: NewIngestJob): Promise<IngestJob> {
    const createdAt = new Date(this.#now());
    const job: StoredIngestJob = {
      ...given,
      state: 'queued',
      revision: 1,
      createdAt,
      done: 0,
      chunks: 0,
      failed: 0,
    };
    const task = { taskType: 'ingest', payload: { jobId }, taskId: jobId };
    const { wire } = makeTask(task, { now: this.#now, newId: this.#newId });
    const [key, listed] = [jobKey(jobId), ownerJobsRecord.key.build({ owner: job.owner })];
    const forgotten = String(this.#now() - LONGEST_UNLISTED_MS);
    const commands = [
      ['HSET', key, ...ingestJobRecord.encode(job)],
      ['EXPIRE', key, String(JOB_TTL_SECONDS)],
      ['ZREMRANGEBYSCORE', listed, '-inf', forgotten],
      ['ZADD', listed, String(createdAt.getTime()), jobId],
      ['EXPIRE', listed, String(JOB_TTL_SECONDS)],
      ['LPUSH', queueKeys(this.#database, queueOf(job)).waiting, wire],
    ];
    await writeInOrder(this.#database, commands, { isConfirmed: true });
    return toJob(jobId, job);
  }

  /** A job, or `undefined`. */
  async find(jobId: string): Promise<IngestJob | undefined> {
    const job = await readHash(this.#database, ingestJobRecord, jobKey(jobId));
    return job && toJob(jobId, job);
  }

  /** A job. Throws `not_found`. */
  async get(jobId: string): Promise<IngestJob> {
    const job = await this.find(jobId);
    if (job) return job;
    throw new StackloreError('not_found', {
      message: `There is no job "${jobId}". Jobs are known for seven days after their last change; see stacklore jobs list.`,
    });
  }

  /** How often a job has changed; `undefined` when there is none. Cheaper than reading it. */
  async revision(jobId: string): Promise<number | undefined> {
    const stored = await this.#database.send<string | null>(['HGET', jobKey(jobId), 'revision']);
    return stored === null ? undefined : Number(stored);
  }

  /** The jobs of an owner, newest first. */
  async list(owner: string, { offset = 0, limit = 100 } = {}): Promise<JobPage> {
    checkPage({ offset, limit });
    const key = ownerJobsRecord.key.build({ owner });
    for (;;) {
      const range = ['ZREVRANGE', key, String(offset), String(offset + limit - 1)];
      const [total, ids] = await this.#database.pipeline<unknown>([['ZCARD', key], range]);
      const jobIds = ids as string[];
      const places = jobIds.map((jobId) => ({ id: jobId, keys: [jobKey(jobId)] }));
      const { found, errors } = await readRecords(this.#database, ingestJobRecord, places);
      const known = new Set([...found, ...errors].map(({ id }) => id));
      const expired = jobIds.filter((jobId) => !known.has(jobId));
      if (expired.length === 0) {
        return {
          items: found.map(({ id, value }) => toJob(id, value)),
          unreadable: errors.map(({ error }) => unreadable(error)),
          total: Number(total),
        };
      }
      await this.#database.send(['ZREM', key, ...expired]);
    }
  }

  /** Cancels a job that waits, and asks for the end of one that runs. Does nothing to one that has ended. */
  async cancel({ jobId, inputs }: Pick<IngestJob, 'jobId' | 'inputs'>): Promise<void> {
    const ended = { state: 'cancelled', endedAt: new Date(this.#now()) } as const;
    for (let attempt = 1; attempt <= CANCEL_ATTEMPTS; attempt += 1) {
      if ((await this.#change(jobId, ['queued'], ended)) !== undefined) {
        await Promise.all([this.deleteInputs(jobId, inputs.length), this.parts.delete(jobId)]);
        return;
      }
      if ((await this.#change(jobId, ['running'], { cancelRequested: true })) !== undefined) return;
      const job = await this.find(jobId);
      if (!job || hasEnded(job)) return;
    }
  }

  /** A worker starts a job, or starts it again. `false` when there is nothing to be done. */
  async begin({
    jobId,
    startedAt = new Date(this.#now()),
  }: Pick<IngestJob, 'jobId' | 'startedAt'>): Promise<boolean> {
    const started = { state: 'running', startedAt } as const;
    return (await this.#change(jobId, ['queued', 'running'], started)) !== undefined;
  }

  /** Records by which parts a job is shared, once. `false` when it has ended meanwhile, or another worker has shared it. */
  async share(
    jobId: string,
    parts: Pick<StoredIngestJob, 'inputs' | 'sources'> & { readonly parts: readonly number[] },
  ): Promise<boolean> {
    const changes = { ...parts, parts: [...parts.parts] };
    return (await this.#change(jobId, ['queued', 'running'], changes, { unless: 'parts' })) !== undefined;
  }

  /** Tells how far a running job is, if there is news, and hears whether it is to go on. */
  async report(
    jobId: string,
    progress: Partial<JobProgress>,
  ): Promise<'goes on' | 'is to be cancelled' | 'has ended'> {
    const reply = await this.#change(jobId, ['queued', 'running'], progress);
    if (reply === undefined) return 'has ended';
    return reply === 'true' ? 'is to be cancelled' : 'goes on';
  }

  /** A worker gives a job back that it has not ended. */
  async putBack(jobId: string): Promise<void> {
    await this.#change(jobId, ['running'], { state: 'queued' });
  }

  /** Ends a job and lets go of what was uploaded for it. One that has ended stays as it is. */
  async finish(
    { jobId, inputs }: Pick<IngestJob, 'jobId' | 'inputs'>,
    outcome: Pick<Changes, 'report' | 'error'> & Partial<JobProgress> & { readonly state: JobState },
  ): Promise<void> {
    await this.#change(jobId, ['queued', 'running'], { ...outcome, endedAt: new Date(this.#now()) });
    await Promise.all([this.deleteInputs(jobId, inputs.length), this.parts.delete(jobId)]);
  }

  async #change(
    jobId: string,
    from: readonly JobState[],
    changes: Changes,
    { unless }: { readonly unless?: keyof StoredIngestJob } = {},
  ): Promise<string | undefined> {
    const ttl = String(JOB_TTL_SECONDS);
    const reply = await runScript<string | null>(this.#database, CHANGE_JOB, {
      keys: [jobKey(jobId)],
      args: [`,${from.join(',')},`, ttl, unless ? snakeCase(unless) : '', ...encodeSome(changes)],
    });
    return reply ?? undefined;
  }
}

/** Whether a job stays as it is. */
export function hasEnded({ state }: Pick<IngestJob, 'state'>): boolean {
  return state !== 'queued' && state !== 'running';
}

/** The report counts what failed at the end: a second look at sources may have found otherwise than the first. */
function toJob(jobId: string, job: StoredIngestJob): IngestJob {
  return { jobId, ...job, failed: job.report?.counts.failed ?? job.failed ?? 0 };
}

function jobKey(jobId: string): string {
  return ingestJobRecord.key.build({ jobId });
}

function inputKey({ jobId, input }: { jobId: string; input: number }): string {
  return jobInputRecord.key.build({ jobId, input: String(input) });
}

function encodeSome(changes: Changes): Wire[] {
  return Object.entries(changes).flatMap(([name, value]) => {
    if (value === undefined) return [];
    // The names are those of the record, and each codec checks its value.
    const codec = ingestJobRecord.fields[name as keyof StoredIngestJob] as Field<unknown>;
    return [snakeCase(name), codec.encode(value)];
  });
}
