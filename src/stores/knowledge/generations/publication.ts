import { setTimeout as sleep } from 'node:timers/promises';
import { StackloreError } from '../../../errors.ts';
import type { CommandOptions, Database, RedisArgument } from '../../../redis/databases.ts';
import { runScript } from '../../../redis/script.ts';
import { PARKED, publicationKey } from './places.ts';
import { CLAIM, FLIP, RELEASE, REMOVE_DOCUMENT, RENEW } from './scripts/publication.ts';

/** What is published or deleted. */
export interface PublicationTarget {
  /** The key of the document's hash. */
  readonly key: string;
  readonly docId: string;
  readonly collection: string;
  /** How many chunks are to be written. */
  readonly chunkCount: number;
}

/** A document as it was stored when its publication was taken. */
export interface VersionBefore {
  /** Where its chunks' numbers start: 0 or `PARKED`. */
  readonly start: number;
  readonly chunkCount: number;
  readonly collection: string | undefined;
  readonly generation: number | undefined;
}

/** How long a writer may be silent before another may take over what it was at. */
export const CLAIM_MS = 10_000;
const POLL_MS = 25;

/** Says that a writer was held up so long that another one took its place. */
export class PublicationLost extends Error {}

/**
 * Holds the publication of one document: nobody else publishes or deletes it meanwhile. It must be released at the end; one
 * that is not, as its process was killed, can be taken over after `CLAIM_MS`.
 */
export class Publication {
  readonly target: PublicationTarget;
  readonly before: VersionBefore | undefined;
  readonly generation: number;
  /** So many chunks may lie at the numbers from 0, and so many at those from `PARKED`, of whatever version. */
  readonly placed: number;
  readonly parked: number;
  readonly hashBefore: string | undefined;
  readonly #database: Database;
  readonly #key: string;
  readonly #claimMs: number;
  #renewedAt = performance.now();

  private constructor(
    database: Database,
    target: PublicationTarget,
    reply: readonly string[],
    claimMs: number,
  ) {
    const [, generation, exists, start, count, collection, stored, placed, parked, hash] = reply;
    this.#database = database;
    this.#key = publicationKey(target.key);
    this.#claimMs = claimMs;
    this.target = target;
    this.generation = Number(generation);
    this.placed = Number(placed);
    this.parked = Number(parked);
    this.hashBefore = hash || undefined;
    this.before =
      Number(exists) === 0
        ? undefined
        : {
            ...{ start: Number(start), chunkCount: Number(count), collection: collection || undefined },
            generation: stored ? Number(stored) : undefined,
          };
  }

  /**
   * Takes the publication of a document, waiting for whoever has it. Gives the name of another collection in its place where what was
   * left over by a killed process is of that one. Throws `busy` when others have it all the time.
   */
  static async claim(
    database: Database,
    target: PublicationTarget,
    { claimMs = CLAIM_MS, waitMs = 6 * CLAIM_MS }: { claimMs?: number; waitMs?: number } = {},
  ): Promise<Publication | string> {
    const keys = [target.key, publicationKey(target.key)];
    const args = [String(claimMs), target.docId, target.collection, String(target.chunkCount)];
    const until = performance.now() + waitMs;
    for (;;) {
      const reply = await runScript<string[]>(database, CLAIM, { keys, args });
      const state = Number(reply[0]);
      if (state === 1) return new Publication(database, target, reply, claimMs);
      if (state === 2) return String(reply[1]);
      if (performance.now() >= until) throw isBusy(target.docId);
      await sleep(Math.min(POLL_MS, Number(reply[1]) + 1));
    }
  }

  /** Where new chunks go: not where those are that readers see. */
  get start(): number {
    return this.before?.start === 0 ? PARKED : 0;
  }

  /** Keeps it for another while, where a good part of the present one has gone. Throws `PublicationLost`. */
  async renew(): Promise<void> {
    if (performance.now() - this.#renewedAt < this.#claimMs / 3) return;
    await this.#run(RENEW, [String(this.#claimMs)]);
    this.#renewedAt = performance.now();
  }

  /** Changes the document's hash, as the one step that readers notice. Throws `PublicationLost`. */
  async flip(fields: readonly RedisArgument[], going: readonly string[]): Promise<void> {
    await this.#run(FLIP, [String(going.length), ...going, ...fields]);
  }

  /** Removes the document's hash. Throws `PublicationLost`. */
  async removeDocument(): Promise<void> {
    await this.#run(REMOVE_DOCUMENT, []);
  }

  /** Ends it; where replicas are to have it, they have all that was written before. Throws `PublicationLost`. */
  async release(): Promise<void> {
    await this.#run(RELEASE, [], { isConfirmed: true });
  }

  async #run(
    script: typeof FLIP,
    args: readonly RedisArgument[],
    options: CommandOptions = {},
  ): Promise<void> {
    const done = await runScript<number>(this.#database, script, {
      keys: [this.target.key, this.#key],
      args: [String(this.generation), ...args],
      ...options,
    });
    if (done !== 1) throw new PublicationLost(`the publication of "${this.target.docId}" was lost`);
  }
}

function isBusy(docId: string): StackloreError {
  return new StackloreError('busy', {
    message: `Other programs keep publishing document "${docId}". Repeat when they are done.`,
  });
}
