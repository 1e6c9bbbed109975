import { StackloreError } from '../../errors.ts';
import type { Family } from '../../schema/families.ts';
import { printableKey } from '../measure-keys.ts';

/** What became of a record family; of those that list documents, entries are counted as copied instead of keys. */
export interface MovedFamily {
  readonly family: string;
  readonly copied: number;
  readonly alreadyThere: number;
  readonly verified: number;
  readonly removed: number;
}

type Counts = { -readonly [Name in Exclude<keyof MovedFamily, 'family'>]: number };

const KEYS_TOLD = 10;

/** Counts a move. */
export class MoveTally {
  readonly #families = new Map<string, Counts>();
  readonly #collisions = new Keys();
  readonly #unequal = new Keys();
  readonly #skipped = new Keys();

  /** Counts a key by its digests in both databases. */
  compare(family: Family, key: Buffer, [ours = '', theirs = '']: readonly (string | undefined)[]): void {
    if (ours === '') return;
    if (ours === 'other') this.#skipped.add(key);
    else if (theirs === '') this.#of(family).copied += 1;
    else if (ours === theirs) this.#of(family).alreadyThere += 1;
    else this.#collisions.add(key);
  }

  /** Counts what a key that both share lacks at the target. */
  merge(family: Family, absent: number): void {
    this.#of(family).copied += absent;
    if (absent === 0) this.#of(family).alreadyThere += 1;
  }

  verify(family: Family, key: Buffer, isEqual: boolean): void {
    if (isEqual) this.#of(family).verified += 1;
    else this.#unequal.add(key);
  }

  remove(family: Family, removed: number): void {
    this.#of(family).removed += removed;
  }

  /** Throws `already_exists` when a key holds something else at its target. */
  refuseCollisions(): void {
    const { count, keys } = this.#collisions.report();
    if (count === 0) return;
    const named = keys.map((key) => `"${key.slice(0, 100)}"`).join(', ');
    throw new StackloreError('already_exists', {
      message: `Nothing was written: at ${count} ${count === 1 ? 'key' : 'keys'} the knowledge database holds something else than the source (${named}${count > keys.length ? ', …' : ''}). Delete these documents or facts in one of the two places, then repeat.`,
    });
  }

  report() {
    const families = [...this.#families].map(([family, counts]) => ({ family, ...counts }));
    const sum = (name: keyof Counts) => families.reduce((total, one) => total + one[name], 0);
    return {
      families,
      copied: sum('copied'),
      alreadyThere: sum('alreadyThere'),
      verified: sum('verified'),
      removed: sum('removed'),
      unequal: this.#unequal.report(),
      skipped: this.#skipped.report(),
    };
  }

  #of({ name }: Family): Counts {
    const known = this.#families.get(name) ?? { copied: 0, alreadyThere: 0, verified: 0, removed: 0 };
    this.#families.set(name, known);
    return known;
  }
}

/** How many keys, and the first of them. */
class Keys {
  #count = 0;
  readonly #keys: string[] = [];

  add(key: Buffer): void {
    this.#count += 1;
    if (this.#keys.length < KEYS_TOLD) this.#keys.push(printableKey(key));
  }

  report() {
    return { count: this.#count, keys: this.#keys };
  }
}
