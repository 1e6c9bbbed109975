import { hash as digest, randomUUID } from 'node:crypto';
import { readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '../../redis/databases.ts';
import { ingestLeaseRecord } from '../../schema/knowledge.ts';
import { keepRenewed, releaseLock } from '../main/renewed-lock.ts';

/** What is held: nobody else ingests it until it is released. */
export interface IngestLease {
  release(): Promise<void>;
}

const FIRST_PAUSE_MS = 10;
const LONGEST_PAUSE_MS = 200;
const PAUSE_GROWTH = 1.5;

/**
 * Lets one process at a time ingest a source, and publish a document of an id or a text, wherever the processes run.
 * Leases keep work from being done twice and an older version from replacing a newer one; that a document is whole and there once
 * does not hang on them. So without an answer of the database the work goes on, and meets the trouble itself.
 */
export class IngestLeases {
  readonly #database: Database;
  readonly #leaseMs: number;
  readonly #holder: string;

  constructor(
    database: Database,
    {
      leaseMs = (ingestLeaseRecord.ttlSeconds ?? 15) * 1_000,
      holder = `${processSpace()}:${process.pid}`,
    } = {},
  ) {
    this.#database = database;
    this.#leaseMs = leaseMs;
    this.#holder = holder;
  }

  /**
   * Waits until all of these subjects are free and holds them. Those of a process that was killed are free at once for
   * others of its machine and container, and for all when their time is over. `undefined` when the signal ended the waiting.
   */
  async hold(subjects: readonly string[], signal: AbortSignal): Promise<IngestLease | undefined> {
    const keys = subjects.map(keyOf);
    const token = `${this.#holder}:${randomUUID()}`;
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * PAUSE_GROWTH, LONGEST_PAUSE_MS)) {
      const held = await this.#take(keys, token);
      if (held === 'all') return this.#keep(keys, token);
      // Its answer may be lost, and the lease there.
      if (held === 'unknown') return { release: () => this.#release(keys, token) };
      // Differing pauses: two that want the same do not meet again and again.
      await sleep(pauseMs * (0.5 + Math.random()), undefined, { signal }).catch(() => {});
      if (signal.aborted) return undefined;
    }
  }

  /** All or none: whoever waits holds nothing that others wait for. */
  async #take(keys: readonly string[], token: string): Promise<'all' | 'none' | 'unknown'> {
    const ms = String(this.#leaseMs);
    try {
      const replies = await this.#database.pipeline<string | null>(
        keys.map((key) => ['SET', key, token, 'NX', 'PX', ms]),
      );
      if (replies.every((reply) => reply !== null)) return 'all';
      await this.#release(
        keys.filter((_, at) => replies[at] !== null),
        token,
      );
      const [first] = keys.filter((_, at) => replies[at] === null);
      if (first !== undefined) await this.#freeIfDead(first);
      return 'none';
    } catch {
      return 'unknown';
    }
  }

  #keep(keys: readonly string[], token: string): IngestLease {
    const stop = keepRenewed(this.#database, { keys, token, ms: this.#leaseMs });
    return {
      release: () => {
        stop();
        return this.#release(keys, token);
      },
    };
  }

  /** What is not given back for trouble with the database ends by itself. */
  async #release(keys: readonly string[], token: string): Promise<void> {
    await Promise.allSettled(
      keys.map((key) => releaseLock(this.#database, { key, token }, { isRepeatable: true })),
    );
  }

  async #freeIfDead(key: string): Promise<void> {
    const holder = await this.#database.send<string | null>(['GET', key]);
    if (holder !== null && isDead(holder)) await this.#release([key], holder);
  }
}

/**
 * Where a process id means the same: on a machine, and of its containers, which may share its name, in one. Elsewhere than
 * on Linux there are none.
 */
export function processSpace(): string {
  try {
    return `${hostname()}/${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return hostname();
  }
}

/** Whether a lease is of a process of this machine that is gone; what is not sure is taken for alive. */
function isDead(token: string): boolean {
  const [, space, pid] = /^(.*):(\d+):[^:]*$/.exec(token) ?? [];
  if (space !== processSpace()) return false;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ESRCH';
  }
}

function keyOf(subject: string): string {
  return ingestLeaseRecord.key.build({ subjectHash: digest('sha256', subject) });
}
