/** Lets work that shares a key run one after the other, in the order it was asked for, and all other work at once. */
export class Turns {
  readonly #last = new Map<string, Promise<unknown>>();

  async run<T>(keys: readonly string[], work: () => Promise<T>): Promise<T> {
    const earlier = keys.map((key) => this.#last.get(key));
    const mine = Promise.allSettled(earlier).then(work);
    for (const key of keys) this.#last.set(key, mine);
    try {
      return await mine;
    } finally {
      for (const key of keys) if (this.#last.get(key) === mine) this.#last.delete(key);
    }
  }
}
