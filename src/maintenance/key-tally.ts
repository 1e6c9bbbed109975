import { type Family, redisTypeOf, ttlSecondsOf } from '../schema/families.ts';
import { chunkRecord } from '../schema/knowledge.ts';
import type { DatabaseName } from '../schema/record.ts';
import { type MeasuredKey, printableKey } from './measure-keys.ts';

/** Counts that every group of keys has. */
export interface KeyTally {
  readonly keys: number;
  readonly bytes: number;
  /** The biggest key's bytes. */
  readonly largestBytes: number;
  /** How many keys of each Redis type. */
  readonly types: Readonly<Record<string, number>>;
  /** How many keys by the memory they take: `<128 B`, `<1 kB`, … */
  readonly sizes: Readonly<Record<string, number>>;
}

/** The keys of one record family. */
export interface FamilyKeys extends KeyTally {
  readonly family: string;
  readonly database: DatabaseName;
  readonly pattern: string;
  /** What the declaration says of the TTL, and how many keys do otherwise. */
  readonly ttl: {
    /** The longest TTL a key of the family should have, or the usual one where it is configurable; `null`: they stay. */
    readonly declaredSeconds: number | null;
    /** Keys that will expire. */
    readonly expiring: number;
    /** Keys that should have a TTL and have none. */
    readonly missing: number;
    /** Keys whose TTL is longer than declared; none where the TTL is the writer's to choose. */
    readonly longer: number;
    /** The first few that have none. */
    readonly missingKeys: readonly string[];
  };
  /** Keys of another Redis type than declared, and the first few of them. */
  readonly wrongType: { readonly count: number; readonly keys: readonly string[] };
  /** The same keys by collection, largest in memory first; of families that have many keys for each. */
  readonly collections?: readonly CollectionKeys[];
}

/** The keys of one collection within a family. */
export interface CollectionKeys extends KeyTally {
  /** `(others)` for those beyond the first thousand collections. */
  readonly collection: string;
}

/** Keys of no family that begin alike. */
export interface UnknownKeys extends KeyTally {
  /** The named databases that share the number they lie in. */
  readonly databases: readonly DatabaseName[];
  readonly prefix: string;
  readonly expiring: number;
}

export interface BigKey {
  readonly key: string;
  /** `null` for a key of no family. */
  readonly family: string | null;
  readonly databases: readonly DatabaseName[];
  readonly type: string;
  readonly bytes: number;
}

const SIZE_CLASSES = [
  ['<128 B', 128],
  ['<1 kB', 1_000],
  ['<10 kB', 10_000],
  ['<100 kB', 100_000],
  ['<1 MB', 1_000_000],
] as const;
const LARGEST_CLASS = '>=1 MB';

const EXAMPLES = 10;
/** A TTL that was set a moment ago may be read with a rounding on top. */
const SLACK_MS = 1_000;
/** Prefixes, and collections, that are told apart; keys of further ones are counted together. */
const MAX_PREFIXES = 1_000;
const OTHER_PREFIXES = '(others)';

class Tally implements KeyTally {
  keys = 0;
  bytes = 0;
  largestBytes = 0;
  readonly types: Record<string, number> = {};
  readonly sizes: Record<string, number> = {};

  count({ type, bytes }: MeasuredKey): void {
    this.keys += 1;
    this.bytes += bytes;
    if (bytes > this.largestBytes) this.largestBytes = bytes;
    this.types[type] = (this.types[type] ?? 0) + 1;
    const sizeClass = SIZE_CLASSES.find(([, below]) => bytes < below)?.[0] ?? LARGEST_CLASS;
    this.sizes[sizeClass] = (this.sizes[sizeClass] ?? 0) + 1;
  }

  report(): KeyTally {
    const { keys, bytes, largestBytes, types } = this;
    const names = [...SIZE_CLASSES.map(([name]) => name), LARGEST_CLASS];
    const sizes = Object.fromEntries(
      names.flatMap((name) => (this.sizes[name] ? [[name, this.sizes[name]]] : [])),
    );
    return { keys, bytes, largestBytes, types: { ...types }, sizes };
  }
}

/** Counts the keys of one record family against its declaration. */
export class FamilyTally {
  readonly #family: Family;
  readonly #tally = new Tally();
  readonly #missingKeys: string[] = [];
  readonly #wrongKeys: string[] = [];
  /** Only of chunks: the other records of a collection are one key each. */
  readonly #collections: Map<string, Tally> | undefined;
  #expiring = 0;
  #missing = 0;
  #longer = 0;
  #wrong = 0;

  constructor(family: Family) {
    this.#family = family;
    if (family.record.key.template === chunkRecord.key.template) this.#collections = new Map();
  }

  get database(): DatabaseName {
    return this.#family.record.database;
  }

  add(key: string, one: MeasuredKey): void {
    const { record } = this.#family;
    this.#tally.count(one);
    if (this.#collections)
      tallyOf(this.#collections, chunkRecord.key.parse(key)?.collection ?? '').count(one);
    if (one.type !== redisTypeOf(record)) {
      this.#wrong += 1;
      if (this.#wrongKeys.length < EXAMPLES) this.#wrongKeys.push(printableKey(one.key));
    }
    if (one.ttlMs >= 0) this.#expiring += 1;
    const declared = ttlSecondsOf(record, key);
    if (declared === undefined) return;
    if (!record.isTtlConfigurable && one.ttlMs > declared * 1_000 + SLACK_MS) this.#longer += 1;
    if (one.ttlMs >= 0) return;
    this.#missing += 1;
    if (this.#missingKeys.length < EXAMPLES) this.#missingKeys.push(printableKey(one.key));
  }

  report(): FamilyKeys {
    const { name, record } = this.#family;
    return {
      ...{ family: name, database: record.database, pattern: record.key.pattern },
      ...this.#tally.report(),
      ttl: {
        declaredSeconds: record.ttlSeconds ?? null,
        ...{ expiring: this.#expiring, missing: this.#missing, longer: this.#longer },
        missingKeys: this.#missingKeys,
      },
      wrongType: { count: this.#wrong, keys: this.#wrongKeys },
      ...(this.#collections && { collections: reportsOf(this.#collections) }),
    };
  }
}

/** The tally of a name; one for all names beyond the first thousand. */
function tallyOf(tallies: Map<string, Tally>, given: string): Tally {
  const isFull = tallies.size >= MAX_PREFIXES && !tallies.has(given);
  const name = isFull ? OTHER_PREFIXES : given;
  const tally = tallies.get(name) ?? new Tally();
  tallies.set(name, tally);
  return tally;
}

function reportsOf(tallies: ReadonlyMap<string, Tally>): CollectionKeys[] {
  return [...tallies]
    .map(([collection, tally]) => ({ collection, ...tally.report() }))
    .sort((a, b) => b.bytes - a.bytes);
}

/** Counts keys of no family by their prefix. */
export class UnknownTally {
  readonly #prefixes = new Map<string, { readonly tally: Tally; expiring: number }>();

  add(prefix: string, one: MeasuredKey): void {
    const isFull = this.#prefixes.size >= MAX_PREFIXES && !this.#prefixes.has(prefix);
    const name = isFull ? OTHER_PREFIXES : prefix;
    const group = this.#prefixes.get(name) ?? { tally: new Tally(), expiring: 0 };
    this.#prefixes.set(name, group);
    group.tally.count(one);
    if (one.ttlMs >= 0) group.expiring += 1;
  }

  /** The groups, largest in memory first. */
  report(databases: readonly DatabaseName[]): UnknownKeys[] {
    return [...this.#prefixes]
      .map(([prefix, { tally, expiring }]) => ({ databases, prefix, ...tally.report(), expiring }))
      .sort((a, b) => b.bytes - a.bytes);
  }
}

/** What a key begins with, up to its first separator: `bull:` of `bull:jobs:7`. */
export function prefixOf(key: string): string {
  const at = key.search(/[:/]/);
  return at < 0 ? '(no prefix)' : key.slice(0, Math.min(at + 1, 64));
}

/** Keeps the biggest keys seen. */
export class BiggestKeys {
  readonly #limit: number;
  #keys: BigKey[] = [];
  #smallest = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add({ key, type, bytes }: MeasuredKey, where: Pick<BigKey, 'family' | 'databases'>): void {
    if (this.#keys.length >= this.#limit && bytes <= this.#smallest) return;
    this.#keys.push({ key: printableKey(key), ...where, type, bytes });
    if (this.#keys.length >= 2 * this.#limit) this.#cut();
  }

  /** Biggest first. */
  report(): BigKey[] {
    this.#cut();
    return this.#keys;
  }

  #cut(): void {
    this.#keys = this.#keys.sort((a, b) => b.bytes - a.bytes).slice(0, this.#limit);
    this.#smallest = this.#keys.length < this.#limit ? 0 : (this.#keys.at(-1)?.bytes ?? 0);
  }
}
