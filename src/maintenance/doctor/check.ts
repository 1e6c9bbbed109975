import type { Databases } from '../../redis/databases.ts';
import type { Collections } from '../../stores/knowledge/collections.ts';
import type { VectorIndex } from '../../stores/knowledge/vector-index.ts';

/** What is wrong, why it matters and what to do about it. */
export interface Problem {
  readonly severity: 'error' | 'warning';
  readonly what: string;
  readonly why: string;
  readonly fix: string;
  /** Puts it right without losing anything; absent where a person has to. Gives whether it did. */
  readonly repair?: () => Promise<boolean>;
}

export interface DoctorParts {
  readonly databases: Databases;
  readonly collections: Collections;
  readonly vectorIndex: VectorIndex;
  /** What query texts are embedded with. */
  readonly model: { readonly name?: string | undefined; readonly dimensions?: number | undefined };
}

/** One thing the doctor looks at. Holds counts and a few examples, never all that it finds. */
export interface Check {
  readonly name: string;
  find(parts: DoctorParts): Promise<Problem[]>;
}

const EXAMPLES = 3;

/** Counts what is wrong in the same way and keeps a few examples. */
export class Sample {
  count = 0;
  readonly #examples: string[] = [];

  add(example: string): void {
    this.count += 1;
    if (this.#examples.length < EXAMPLES) this.#examples.push(example);
  }

  toString(): string {
    return `${this.#examples.join(', ')}${this.count > this.#examples.length ? ', …' : ''}`;
  }
}
