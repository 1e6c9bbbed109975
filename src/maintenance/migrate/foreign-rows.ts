import { StackloreError } from '../../errors.ts';
import type { Database } from '../../redis/databases.ts';
import { scanKeys } from '../../redis/scan.ts';
import { familiesOf, familyFinder } from '../../schema/families.ts';
import type { ForeignLayout, ForeignRow, LayoutFields } from './layout.ts';
import { throwIfStopped } from './progress.ts';
import { rowOrder, sourceOf } from './row-document.ts';

/** Where rows of another tool are, and how they are read. */
export interface ForeignPlace {
  readonly database: Database;
  readonly layout: ForeignLayout;
  readonly prefix: string;
  readonly fields: LayoutFields;
}

/** The rows of one document in order, and what it is known by. */
export interface RowGroup {
  readonly name: string;
  /** How many rows there are in all, where that is known. */
  readonly total?: number;
  readonly rows: readonly ForeignRow[];
}

const KEYS_PER_READ = 200;

/**
 * The rows of another tool document by document. Keys are read twice: once to tell which document each is of, of which
 * only keys and names are kept, and again one document at a time. Throws `unsupported_type` when there are no rows in
 * hashes, but keys of a module, such as JSON.
 */
export async function* foreignGroups(
  place: ForeignPlace,
  { signal, onSkipped }: { signal?: AbortSignal | undefined; onSkipped: (keys: number) => void },
): AsyncGenerator<RowGroup> {
  const keysOf = new Map<string, Set<string>>();
  let total = 0;
  for await (const keys of foreignKeys(place)) {
    throwIfStopped(signal);
    const rows = await readRows(place, keys);
    onSkipped(keys.length - rows.length);
    total += rows.length;
    for (const row of rows) {
      const name = groupOf(row);
      const known = keysOf.get(name);
      // A set, as a scan may give a key twice.
      if (known) known.add(row.key);
      else keysOf.set(name, new Set([row.key]));
    }
  }
  if (total === 0) await refuseModuleTypes(place);
  for (const [name, keys] of keysOf) {
    throwIfStopped(signal);
    const all = [...keys];
    const rows: ForeignRow[] = [];
    for (let at = 0; at < all.length; at += KEYS_PER_READ) {
      rows.push(...(await readRows(place, all.slice(at, at + KEYS_PER_READ))));
    }
    if (rows.length > 0) yield { name: name.slice(name.indexOf(' ') + 1), total, rows: rows.sort(rowOrder) };
  }
}

/** The pages of keys under a prefix that are no record of the shared schema. */
export async function* foreignKeys({
  database,
  prefix,
}: Pick<ForeignPlace, 'database' | 'prefix'>): AsyncGenerator<string[]> {
  const findFamily = familyFinder(familiesOf());
  for await (const keys of scanKeys(database, prefixPattern(prefix), {
    count: KEYS_PER_READ,
    type: 'hash',
  })) {
    // LlamaIndex's usual prefix also matches the chunks of collections.
    const foreign = [...new Set(keys)].filter((key) => key.startsWith(prefix) && !findFamily(key));
    if (foreign.length > 0) yield foreign;
  }
}

/** What tells documents apart, after a word and a space. Rows that name no document are of one together when they name the same source, else each its own. */
export function groupOf(row: ForeignRow): string {
  if (row.docId !== undefined) return `id ${row.docId}`;
  const source = sourceOf(row);
  return source === undefined ? `key ${row.key}` : `source ${source}`;
}

async function readRows(
  { database, layout, fields }: ForeignPlace,
  keys: readonly string[],
): Promise<ForeignRow[]> {
  const replies = await database.pipeline<Buffer[]>(
    keys.map((key) => ['HGETALL', key]),
    { buffers: true },
  );
  return replies.flatMap((flat, at) => {
    const stored = new Map<string, Buffer>();
    for (let n = 0; n + 1 < flat.length; n += 2) stored.set(String(flat[n]), flat[n + 1] as Buffer);
    const row = layout.read(keys[at] as string, stored, fields);
    return row === undefined || row.text.trim() === '' ? [] : [row];
  });
}

/** RedisVL keeps documents as JSON when told so; passing over them without a word would look like an empty index. */
async function refuseModuleTypes({
  database,
  prefix,
}: Pick<ForeignPlace, 'database' | 'prefix'>): Promise<void> {
  for await (const page of scanKeys(database, prefixPattern(prefix), { count: KEYS_PER_READ })) {
    const keys = page.filter((key) => key.startsWith(prefix));
    const types = await database.pipeline<string>(keys.map((key) => ['TYPE', key]));
    const at = types.findIndex((type) => !PLAIN_TYPES.has(type));
    if (at < 0) continue;
    const storage = types[at] === 'ReJSON-RL' ? 'JSON' : types[at];
    throw new StackloreError('unsupported_type', {
      message: `Nothing was read: what lies under "${prefix}" is no hash, and ${keys[at]?.slice(0, 200)} is stored as ${storage}, which is not supported. Copy it into an index with hash storage (RedisVL: storage_type "hash") and migrate that, or export it as JSON Lines (--layout jsonl).`,
    });
  }
}

/** What TYPE gives for keys that are of no module; `none` for one that is gone. */
const PLAIN_TYPES: ReadonlySet<string> = new Set(['none', 'string', 'list', 'set', 'zset', 'hash', 'stream']);

function prefixPattern(prefix: string): string {
  return `${prefix.replace(/[*?[\]\\]/g, '\\$&')}*`;
}
