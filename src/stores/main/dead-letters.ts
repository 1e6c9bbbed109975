import { RecordError, StackloreError } from '../../errors.ts';
import type { Database } from '../../redis/databases.ts';
import { runScript } from '../../redis/script.ts';
import { deadLetterRecord } from '../../schema/main.ts';
import type { Page } from '../knowledge/documents.ts';
import { checkPage } from './check-input.ts';
import { type QueuedTask, readElement } from './delivery.ts';
import { onQueue, type QueueKeys, queueKeys } from './queue-keys.ts';
import { PURGE_QUEUE } from './scripts/purge-queue.ts';
import { REVIVE_TASKS } from './scripts/settle-task.ts';

/** A task that was given up, or an element that is no task, with the reason. */
export type DeadLetter = QueuedTask & {
  readonly error: string;
  /** How often it was tried. */
  readonly attempts: number;
  readonly failedAt: string;
};

interface Stored {
  readonly wire: string;
  readonly bytes: Buffer;
  readonly letter: DeadLetter;
}

const LETTERS_PER_READ = 500;
const LETTERS_PER_WRITE = 100;

/** The tasks of each queue that were given up, until they are queued again or deleted. */
export class DeadLetters {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** The dead letters of a queue, the latest first. */
  async list(queue: string, { offset = 0, limit = 100 } = {}): Promise<Page<DeadLetter>> {
    checkPage({ offset, limit });
    const keys = queueKeys(queue);
    const range = ['LRANGE', keys.dead, String(offset), String(offset + limit - 1)];
    const replies = this.#database.pipeline<number | string[]>([['LLEN', keys.dead], range]);
    const [total, wires] = await onQueue(this.#database, keys, replies);
    const items = (wires as string[]).map((wire) => readLetter(wire, keys.dead).letter);
    return { items, total: Number(total) };
  }

  /**
   * Queues tasks again, behind those that wait, with no failure counted; all, or those of the given ids. Gives how many.
   * Throws `not_found` before anything is queued when an id is not among the dead letters.
   */
  async retry(queue: string, taskIds?: readonly string[]): Promise<number> {
    const keys = queueKeys(queue);
    const wanted = taskIds && new Set(taskIds);
    const letters = (await this.#all(keys)).filter(({ letter }) => {
      return wanted === undefined || ('task' in letter && wanted.has(letter.task.taskId));
    });
    const found = new Set(letters.map(({ letter }) => ('task' in letter ? letter.task.taskId : '')));
    const missing = taskIds?.find((taskId) => !found.has(taskId));
    if (missing !== undefined) {
      throw new StackloreError('not_found', {
        message: `No dead letter of queue "${queue}" has the task id "${missing}". See stacklore queue dead ${queue} for the ids.`,
      });
    }
    let revived = 0;
    // The oldest first, so that they keep their order.
    letters.reverse();
    for (let at = 0; at < letters.length; at += LETTERS_PER_WRITE) {
      const some = letters.slice(at, at + LETTERS_PER_WRITE);
      const reply = runScript<number>(this.#database, REVIVE_TASKS, {
        keys: [keys.dead, keys.waiting],
        args: some.flatMap(({ wire, bytes }) => [wire, bytes]),
      });
      revived += await onQueue(this.#database, keys, reply);
    }
    return revived;
  }

  /** Deletes the dead letters of a queue; gives how many there were. */
  async purge(queue: string): Promise<number> {
    const keys = queueKeys(queue);
    const reply = runScript<[number]>(this.#database, PURGE_QUEUE, { keys: [keys.dead], args: ['LLEN'] });
    const [count] = await onQueue(this.#database, keys, reply);
    return count;
  }

  async #all(keys: QueueKeys): Promise<Stored[]> {
    const stored: Stored[] = [];
    for (let at = 0; ; at += LETTERS_PER_READ) {
      const range = ['LRANGE', keys.dead, String(at), String(at + LETTERS_PER_READ - 1)];
      const wires = await onQueue(this.#database, keys, this.#database.send<string[]>(range));
      stored.push(...wires.map((wire) => readLetter(wire, keys.dead)));
      if (wires.length < LETTERS_PER_READ) return stored;
    }
  }
}

function readLetter(wire: string, key: string): Stored {
  try {
    const { element, encoding, error, attempts, failedAt } = deadLetterRecord.element.decode(wire);
    const bytes = Buffer.from(element, encoding ?? 'utf8');
    return { wire, bytes, letter: { ...readElement(bytes), error, attempts, failedAt } };
  } catch (error) {
    throw new RecordError(key, [{ field: 'element', message: (error as Error).message }]); // codecs throw nothing else
  }
}
