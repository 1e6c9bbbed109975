import { errorMessage } from '../../errors.ts';
import { snakeCase } from '../../schema/fields.ts';
import { type Fact, type FactsManifest, factRecord } from '../../schema/knowledge.ts';
import { distanceOf, type FactRow } from './fact-index.ts';
import { contentHash, inputHash } from './fact-vector.ts';

/** A stored fact, without its vector. */
export interface StoredFact extends Omit<Fact, 'embedding' | 'contentHash' | 'inputHash'> {
  readonly factId: string;
}

/** Another fact that says the same, word for word (`exact`) or nearly. */
export interface FactDuplicate {
  readonly factId: string;
  /** Cosine of the angle between both vectors; 1 for the same words. */
  readonly similarity: number;
  readonly exact: boolean;
}

/** A fact as it was written, and which others say the same; they are reported, never merged. */
export interface AddedFact extends StoredFact {
  readonly duplicates: FactDuplicate[];
}

/** A fact near to a vector. */
export interface FactMatch extends StoredFact {
  /** Cosine distance, 0 to 2. */
  readonly distance: number;
}

/** A stored fact that cannot be read. */
export interface UnreadableFact {
  readonly factId: string;
  readonly message: string;
}

/** The fields of a fact that are shown, as stored: its vector never travels. */
export const SHOWN_FIELDS: readonly string[] = Object.keys(factRecord.fields)
  .filter((name) => name !== 'embedding' && name !== 'contentHash' && name !== 'inputHash')
  .map(snakeCase);

const OWNER_AT = SHOWN_FIELDS.indexOf('user_id');

/** Whether the values of `SHOWN_FIELDS` are of a fact that is this user's; of any fact where no user is given. */
export function isOwned(
  values: readonly (string | Buffer | null | undefined)[],
  ownedBy: string | undefined,
): boolean {
  return ownedBy === undefined || values[OWNER_AT]?.toString() === ownedBy;
}

const PREFIX_LENGTH = factRecord.key.pattern.length - 1;

/** A fact from the values of `SHOWN_FIELDS`; `undefined` when it has none of them. Throws `RecordError`. */
export function readFact(
  factId: string,
  key: string,
  values: readonly (string | null | undefined)[],
): StoredFact | undefined {
  const fields: Record<string, string> = {};
  let isThere = false;
  for (const [at, name] of SHOWN_FIELDS.entries()) {
    const value = values[at];
    if (value === null || value === undefined) continue;
    fields[name] = value;
    isThere = true;
  }
  return isThere ? { factId, ...factRecord.decode(fields, key) } : undefined;
}

/** The fact in a row of the index, or why it cannot be read. */
export function readRow({ key, fields }: FactRow): StoredFact | UnreadableFact {
  const factId = factIdOf(key);
  try {
    return { factId, ...factRecord.decode(fields, key) };
  } catch (error) {
    return { factId, message: errorMessage(error) };
  }
}

/** A fact without what a search asked for beside it. */
export function shownFact(fact: StoredFact): StoredFact {
  const { factId, content, category, confidence, source, createdAt, verified, userId } = fact;
  const shown = { factId, content, category, confidence, source, createdAt, verified };
  return userId === undefined ? shown : { ...shown, userId };
}

/** Whether two facts hold the same, their ids aside. */
export function isSameFact(a: Omit<StoredFact, 'factId'>, b: Omit<StoredFact, 'factId'>): boolean {
  return (
    a.content === b.content &&
    a.category === b.category &&
    a.confidence === b.confidence &&
    a.source === b.source &&
    a.verified === b.verified &&
    a.createdAt.getTime() === b.createdAt.getTime() &&
    a.userId === b.userId
  );
}

/** The id in the key of a fact. */
export function factIdOf(key: string): string {
  // Nearly every key: nothing in it is escaped.
  if (!key.includes('%')) return key.slice(PREFIX_LENGTH);
  return factRecord.key.parse(key)?.factId ?? key;
}

/** Whether a row's vector is of the content it stands beside, by this model. */
export function isCurrent({ fields }: FactRow, manifest: FactsManifest): boolean {
  return fields.input_hash === inputHash(manifest, fields.content ?? '');
}

/** What was looked for and found when a fact was written. */
export interface DuplicateSearch {
  readonly content: string;
  /** Where the fact itself may be. */
  readonly ownKeys: readonly string[];
  readonly exact: readonly FactRow[];
  readonly near: readonly FactRow[];
  readonly manifest: FactsManifest | undefined;
  readonly threshold: number;
}

/** The most duplicates that are reported. */
export const MAX_DUPLICATES = 10;

/** The facts that say the same as one that was written, most alike first. */
export function duplicatesOf(search: DuplicateSearch): FactDuplicate[] {
  const { content, ownKeys, exact, near, manifest, threshold } = search;
  const hash = contentHash(content);
  const found = new Map<string, FactDuplicate>();
  for (const { key, fields } of exact) {
    // Another program may have changed the words without knowing of the hash beside them.
    if (contentHash(fields.content ?? '') !== hash) continue;
    found.set(key, { factId: factIdOf(key), similarity: 1, exact: true });
  }
  for (const row of near) {
    const similarity = 1 - distanceOf(row);
    if (found.has(row.key) || !(similarity >= threshold) || !manifest || !isCurrent(row, manifest)) continue;
    const isExact = contentHash(row.fields.content ?? '') === hash;
    found.set(row.key, { factId: factIdOf(row.key), similarity: isExact ? 1 : similarity, exact: isExact });
  }
  for (const key of ownKeys) found.delete(key);
  return [...found.values()].sort((a, b) => b.similarity - a.similarity).slice(0, MAX_DUPLICATES);
}
