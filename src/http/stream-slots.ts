import type { ServerResponse } from 'node:http';
import { StackloreError } from '../errors.ts';

/** How many streams a client may have open at once: each is a request under way, and those are limited for all. */
const MOST_STREAMS = 32;

/** The streams that are open, by client. */
export class StreamSlots {
  readonly #open = new Map<string, number>();

  /** Counts a stream until its answer is closed. Throws `busy` when the client has as many as it may. */
  hold(clientId: string, answer: ServerResponse): void {
    const open = this.#open.get(clientId) ?? 0;
    if (open >= MOST_STREAMS) {
      throw new StackloreError('busy', {
        message: `${MOST_STREAMS} streams of this client are open. Close some first.`,
      });
    }
    if (answer.closed) return;
    this.#open.set(clientId, open + 1);
    answer.once('close', () => this.#release(clientId));
  }

  #release(clientId: string): void {
    const open = (this.#open.get(clientId) ?? 1) - 1;
    if (open > 0) this.#open.set(clientId, open);
    else this.#open.delete(clientId);
  }
}
