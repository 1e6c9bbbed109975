import { printableKey } from './measure-keys.ts';

const EXAMPLES = 3;

/** Counts what is alike and keeps a few examples: what it holds does not grow with what it counts. */
export class Sample {
  readonly #examples: string[] = [];
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** The first few. */
  get examples(): readonly string[] {
    return this.#examples;
  }

  add(example: string, count = 1): void {
    this.#count += count;
    // Keys are others' text too, and may hold what moves a cursor.
    if (this.#examples.length < EXAMPLES) this.#examples.push(printableKey(Buffer.from(example)));
  }

  toString(): string {
    return `${this.#examples.join(', ')}${this.#count > this.#examples.length ? ', …' : ''}`;
  }
}
