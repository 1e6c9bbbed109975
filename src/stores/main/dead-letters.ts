import { StackloreError } from '../../errors.ts';
import type { Database } from '../../redis/databases.ts';
import { readElements, type UnreadableElement } from '../../redis/list.ts';
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

/** Dead letters of a queue, and those that cannot be read. */
export interface DeadLetterPage extends Page<DeadLetter> {
  /** Counted in the total; they are never queued again. */
  readonly unreadable: readonly UnreadableElement[];
}

/** How many dead letters were queued again, and those that could not be, as they cannot be read. */
export interface RetriedLetters {
  readonly retried: number;
  readonly unreadable: readonly UnreadableElement[];
}

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
  async list(queue: string, { offset = 0, limit = 100 } = {}): Promise<DeadLetterPage> {
    checkPage({ offset, limit });
    const keys = queueKeys(this.#database, queue);
    const range = ['LRANGE', keys.dead, String(offset), String(offset + limit - 1)];
    const replies = this.#database.pipeline<number | string[]>([['LLEN', keys.dead], range]);
    const [total, wires] = await onQueue(this.#database, keys, replies);
    const decode = (wire: string): DeadLetter => readLetter(wire).letter;
    const read = readElements(wires as string[], { key: keys.dead, offset, decode });
    return { ...read, total: Number(total) };
  }

  /**
   * Queues tasks again, behind those that wait, with no failure counted; all, or those of the given ids.
   * Throws `not_found` before anything is queued when an id is not among the dead letters.
   */
  async retry(queue: string, taskIds?: readonly string[]): Promise<RetriedLetters> {
    const keys = queueKeys(this.#database, queue);
    const wanted = taskIds && new Set(taskIds);
    const { items, unreadable } = await this.#all(keys);
    const letters = items.filter(({ letter }) => {
      return wanted === undefined || ('task' in letter && wanted.has(letter.task.taskId));
    });
    const found = new Set(letters.map(({ letter }) => ('task' in letter ? letter.task.taskId : '')));
    const missing = taskIds?.find((taskId) => !found.has(taskId));
    if (missing !== undefined) {
      throw new StackloreError('not_found', {
        message: `No dead letter of queue "${queue}" has the task id "${missing}". See stacklore queue dead ${queue} for the ids.`,
      });
    }
    let retried = 0;
    // The oldest first, so that they keep their order.
    letters.reverse();
    for (let at = 0; at < letters.length; at += LETTERS_PER_WRITE) {
      const some = letters.slice(at, at + LETTERS_PER_WRITE);
      const reply = runScript<number>(this.#database, REVIVE_TASKS, {
        keys: [keys.dead, keys.waiting],
        args: some.flatMap(({ wire, bytes }) => [wire, bytes]),
      });
      retried += await onQueue(this.#database, keys, reply);
    }
    return { retried, unreadable };
  }

  /** Deletes the dead letters of a queue; gives how many there were. */
  async purge(queue: string): Promise<number> {
    const keys = queueKeys(this.#database, queue);
    const reply = runScript<[number]>(this.#database, PURGE_QUEUE, { keys: [keys.dead], args: ['LLEN'] });
    const [count] = await onQueue(this.#database, keys, reply);
    return count;
  }

  async #all(keys: QueueKeys): Promise<{ items: Stored[]; unreadable: UnreadableElement[] }> {
    const items: Stored[] = [];
    const unreadable: UnreadableElement[] = [];
    for (let offset = 0; ; offset += LETTERS_PER_READ) {
      const range = ['LRANGE', keys.dead, String(offset), String(offset + LETTERS_PER_READ - 1)];
      const wires = await onQueue(this.#database, keys, this.#database.send<string[]>(range));
      const read = readElements(wires, { key: keys.dead, offset, decode: readLetter });
      items.push(...read.items);
      unreadable.push(...read.unreadable);
      if (wires.length < LETTERS_PER_READ) return { items, unreadable };
    }
  }
}

function readLetter(wire: string): Stored {
  const { element, encoding, error, attempts, failedAt } = deadLetterRecord.element.decode(wire);
  const bytes = Buffer.from(element, encoding ?? 'utf8');
  return { wire, bytes, letter: { ...readElement(bytes), error, attempts, failedAt } };
}
