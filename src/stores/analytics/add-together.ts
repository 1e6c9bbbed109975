import { RecordError } from '../../errors.ts';
import { keysForScript } from '../../redis/candidates.ts';
import type { CommandOptions, Database } from '../../redis/databases.ts';
import { runScript, runScripts, type Script, type ScriptCall } from '../../redis/script.ts';
import { namedWrongType } from '../../redis/wrong-type.ts';

/** A script that adds to many records or, when one of them cannot be added to, to none; and one that only looks. */
export interface Addition {
  readonly add: Script;
  readonly check: Script;
  /** Arguments that stand before those of the records. */
  readonly head?: readonly string[];
}

/** One record: where it may be, and its arguments after the number of these keys. */
export interface Added {
  readonly keys: readonly string[];
  readonly args: readonly string[];
}

/**
 * Adds to records, to all or to none; gives the replies of the script: one for all of them. On a cluster, where each
 * record lies in a slot of its own, there is one for each of them, and it is looked at all of them before any is added to:
 * only what breaks in between can leave a part.
 */
export async function addTogether<T>(
  database: Database,
  { add, check, head = [] }: Addition,
  {
    records,
    isRefusal,
    ...options
  }: CommandOptions & {
    readonly records: readonly Added[];
    /** Whether a reply names a record that cannot be added to. */
    readonly isRefusal: (reply: T) => boolean;
  },
): Promise<T[]> {
  if (!database.isCluster)
    return [await runScript<T>(database, add, { ...callOf(head, records), ...options })];
  const calls = await Promise.all(
    records.map(async ({ keys, args }) => {
      return callOf(head, [{ keys: await keysForScript(database, keys), args }]);
    }),
  );
  // One alone is checked by the script that adds.
  const looks = calls.length > 1 ? await runScripts<T>(database, check, calls, options) : [];
  const refused = looks.find(isRefusal);
  return refused === undefined ? runScripts<T>(database, add, calls, options) : [refused];
}

/** Where and by which field a hash cannot be added to. */
type Refusal = readonly [key: string, field: string];

/** Adds to hashes like `addTogether`. Throws `RecordError` naming one that holds something else. */
export async function addToHashes(
  database: Database,
  addition: Addition,
  { records, ...options }: CommandOptions & { readonly records: readonly Added[] },
): Promise<void> {
  const isRefusal = (reply: Refusal | null) => reply !== null;
  const call = { records, isRefusal, ...options };
  const replies = await addTogether<Refusal | null>(database, addition, call).catch(
    async (error: unknown) => {
      const keys = records.flatMap((record) => record.keys);
      throw await namedWrongType(database, error, new Map(keys.map((key) => [key, 'hash'])));
    },
  );
  const [bad] = replies.filter((reply) => reply !== null);
  if (bad) throw new RecordError(bad[0], [{ field: bad[1], message: 'cannot be added to' }]);
}

function callOf(head: readonly string[], records: readonly Added[]): ScriptCall {
  return {
    keys: records.flatMap(({ keys }) => keys),
    args: [...head, ...records.flatMap(({ keys, args }) => [String(keys.length), ...args])],
  };
}
