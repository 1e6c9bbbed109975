/**
 * Room for work that is measured by a length: what does not fit beside the work under way waits for it to end, and what
 * is larger than all of the room is let in alone.
 */
export class Room {
  readonly #capacity: number;
  #used = 0;
  #wake = (): void => undefined;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Resolves once work of this length fits; only one caller may wait at a time. */
  async waitFor(length: number): Promise<void> {
    while (this.#used > 0 && this.#used + length > this.#capacity) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Takes up room while the work goes on. */
  async run<T>(length: number, work: () => Promise<T>): Promise<T> {
    this.#used += length;
    try {
      return await work();
    } finally {
      this.#used -= length;
      this.#wake();
    }
  }
}
