import type { Database } from '../../redis/databases.ts';
import { runScript, type Script } from '../../redis/script.ts';
import { namedWrongType } from '../../redis/wrong-type.ts';
import type { KeyPlace } from '../../schema/key.ts';
import {
  deadLetterRecord,
  delayedTasksRecord,
  processingTaskRecord,
  taskAttemptsRecord,
  taskLeasesRecord,
  taskQueueRecord,
} from '../../schema/main.ts';

/** Where everything of one queue is stored. */
export interface QueueKeys {
  readonly waiting: string;
  /** The list of programs that do not escape the queue's name; the same as `waiting` for ordinary names and on clusters. */
  readonly foreign: string;
  readonly leases: string;
  readonly delayed: string;
  readonly dead: string;
  /** What the keys of attempt counters begin with; the SHA-1 of a task's bytes follows. */
  readonly attemptsPrefix: string;
  processing(deliveryId: string): string;
}

const NO_HASH = '0';

/** The keys of a queue, of a cluster all in one slot. Throws `invalid_input` for a name no key can carry. */
export function queueKeys(place: KeyPlace, queueName: string): QueueKeys {
  const waiting = taskQueueRecord.key.build({ queueName });
  const attempts = taskAttemptsRecord.key.buildOn(place, { queueName, elementHash: NO_HASH });
  const [first = waiting] = taskQueueRecord.key.candidates({ queueName });
  return {
    waiting,
    // On a cluster that list lies in another slot, from which no step moves a task safely.
    foreign: place.isCluster ? waiting : first,
    leases: taskLeasesRecord.key.buildOn(place, { queueName }),
    delayed: delayedTasksRecord.key.buildOn(place, { queueName }),
    dead: deadLetterRecord.key.buildOn(place, { queueName }),
    attemptsPrefix: attempts.slice(0, -NO_HASH.length),
    processing: (deliveryId) => processingTaskRecord.key.buildOn(place, { queueName, deliveryId }),
  };
}

/** A reply about a queue; where a key has a wrong type, it rejects with a `record_invalid` that names the key. */
export function onQueue<T>(database: Database, keys: QueueKeys, reply: Promise<T>): Promise<T> {
  return reply.catch(async (error: unknown) => {
    throw await namedWrongType(
      database,
      error,
      new Map([
        [keys.waiting, 'list'],
        [keys.foreign, 'list'],
        [keys.dead, 'list'],
        [keys.leases, 'zset'],
        [keys.delayed, 'zset'],
      ]),
    );
  });
}

/** Runs `TEND_QUEUE`, or a script that begins with it and takes more keys and arguments. */
export function runTending<T>(
  database: Database,
  script: Script,
  keys: QueueKeys,
  {
    now,
    maxAttempts,
    places = [],
    args = [],
    buffers = false,
  }: {
    readonly now: number;
    readonly maxAttempts: number;
    readonly places?: readonly string[];
    readonly args?: readonly string[];
    readonly buffers?: boolean;
  },
): Promise<T> {
  const tended = [keys.waiting, keys.leases, keys.delayed, keys.dead, keys.foreign];
  const counters = [keys.attemptsPrefix, String(taskAttemptsRecord.ttlSeconds)];
  const reply = runScript<T>(database, script, {
    keys: [...tended, ...places],
    args: [...counters, String(maxAttempts), new Date(now).toISOString(), ...args],
    buffers,
  });
  return onQueue(database, keys, reply);
}
