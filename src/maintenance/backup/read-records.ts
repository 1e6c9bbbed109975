import { StackloreError } from '../../errors.ts';
import type { Database, RedisCommand } from '../../redis/databases.ts';
import { sameConnection, scanKeyBytes } from '../../redis/scan.ts';
import { runScripts } from '../../redis/script.ts';
import { isWrongType } from '../../redis/wrong-type.ts';
import { type MeasuredKey, measureKeys } from '../measure-keys.ts';
import type { KeyType } from '../scripts/measure-keys.ts';
import type { RecordPart } from './archive-format.ts';
import { READ_KEYS } from './scripts/read-keys.ts';
import { type NamedKey, readWholeDocuments } from './whole-documents.ts';

/** What reading needs to know, and whom it tells. */
export interface ReadOptions {
  /** The family's name, empty for a key of none that is wanted too, `undefined` for one that is not wanted. */
  readonly familyOf: (key: Buffer) => string | undefined;
  /** Told how many keys were looked at by now. */
  readonly onScanned: (keys: number) => void;
  /** Told of wanted keys of a type that is not kept. */
  readonly onSkipped: (key: Buffer) => void;
  /** Whether each document comes with its chunks, in one version; chunks that no document shows are left out then. */
  readonly keepsDocumentsWhole?: boolean;
  readonly signal?: AbortSignal;
}

interface WantedKey extends MeasuredKey, NamedKey {
  readonly type: KeyType;
}

/** A key that Redis estimates at more than this, or that has more elements, is read in parts. */
export const WHOLE_KEY_BYTES = 4 * 1024 * 1024;
export const WHOLE_KEY_ELEMENTS = 20_000;
/** Keys of one script call: together a millisecond or so of the server's time. */
const GROUP_BYTES = 256 * 1024;
const GROUP_KEYS = 128;
/** Groups that are asked for in one go, so that memory stays small however many keys there are. */
const FLIGHT_BYTES = 4 * 1024 * 1024;
const MEASURED_KEYS = 500;

/** The wanted keys of a numbered database with their values, a page at a time; memory does not grow with their number. */
export async function* readRecords(database: Database, options: ReadOptions): AsyncGenerator<RecordPart[]> {
  const { familyOf, onScanned, keepsDocumentsWhole = false } = options;
  const readEach = (keys: readonly NamedKey[]) => readMeasured(database, keys, options);
  let scanned = 0;
  for await (const page of scanKeyBytes(database)) {
    // SCAN may give a key twice.
    const wanted = new Map<string, NamedKey>();
    for (const key of page) {
      const family = familyOf(key);
      if (family !== undefined) wanted.set(key.toString('latin1'), { key, family });
    }
    const keys = [...wanted.values()];
    yield* keepsDocumentsWhole ? readWholeDocuments(database, keys, readEach) : readEach(keys);
    scanned += page.length;
    onScanned(scanned);
  }
}

async function* readMeasured(
  database: Database,
  named: readonly NamedKey[],
  { onSkipped, signal }: ReadOptions,
): AsyncGenerator<RecordPart[]> {
  for (let at = 0; at < named.length; at += MEASURED_KEYS) {
    throwIfAborted(signal);
    const some = named.slice(at, at + MEASURED_KEYS);
    const families = new Map(some.map(({ key, family }) => [key.toString('latin1'), family]));
    const keys: WantedKey[] = [];
    const measured = await measureKeys(
      database,
      some.map(({ key }) => key),
    );
    for (const one of measured) {
      if (one.type === 'other') onSkipped(one.key);
      else keys.push({ ...one, type: one.type, family: families.get(one.key.toString('latin1')) ?? '' });
    }
    yield* readKeys(database, keys);
  }
}

async function* readKeys(database: Database, keys: readonly WantedKey[]): AsyncGenerator<RecordPart[]> {
  const big = keys.filter(({ bytes }) => bytes > WHOLE_KEY_BYTES);
  const small = keys.filter(({ bytes }) => bytes <= WHOLE_KEY_BYTES);
  for (const flight of gather(small, { bytes: FLIGHT_BYTES, keys: MEASURED_KEYS })) {
    const groups = gather(flight, { bytes: GROUP_BYTES, keys: GROUP_KEYS });
    const replies = await Promise.all(groups.map((group) => readGroup(database, group)));
    yield replies.flatMap(({ parts }) => parts);
    for (const { long } of replies) big.push(...long);
  }
  for (const key of big) for await (const part of readBigKey(database, key)) yield [part];
}

/** Keys in groups that stay under both limits, save for a single key. */
function gather(keys: readonly WantedKey[], limits: { bytes: number; keys: number }): WantedKey[][] {
  const groups: WantedKey[][] = [];
  let bytes = 0;
  for (const key of keys) {
    const group = groups.at(-1);
    bytes += key.bytes;
    if (group && bytes <= limits.bytes && group.length < limits.keys) group.push(key);
    else {
      groups.push([key]);
      bytes = key.bytes;
    }
  }
  return groups;
}

async function readGroup(database: Database, group: readonly WantedKey[]) {
  const keys = group.map(({ key }) => key);
  const args = [String(WHOLE_KEY_ELEMENTS)];
  // A cluster takes keys of one slot only.
  const calls = database.isCluster ? keys.map((key) => ({ keys: [key], args })) : [{ keys, args }];
  const replies = await runScripts<(Buffer | number | Buffer[] | null)[]>(database, READ_KEYS, calls, {
    buffers: true,
  });
  const found = replies.flat(1);
  const parts: RecordPart[] = [];
  const long: WantedKey[] = [];
  for (const [at, wanted] of group.entries()) {
    const [type, expiresAt, items] = found.slice(at * 3, at * 3 + 3);
    if (!Array.isArray(items)) {
      if (String(type) === wanted.type) long.push(wanted);
      continue;
    }
    // The script gives one of the types it has a way to read.
    const whole = { type: String(type) as KeyType, expiresAt: Number(expiresAt), items };
    parts.push({ ...whole, ...place(wanted), isFirst: true, isLast: true, isGone: false });
  }
  return { parts, long };
}

function place({ family, key }: WantedKey): Pick<RecordPart, 'family' | 'key'> {
  return { family, key };
}

/** A big key in parts. What changes meanwhile may be in them or not; one that is gone at the end is marked so. */
async function* readBigKey(database: Database, wanted: WantedKey): AsyncGenerator<RecordPart> {
  const { key, type } = wanted;
  let isFirst = true;
  for await (const items of readItems(database, wanted)) {
    yield { type, ...place(wanted), expiresAt: -1, items, isFirst, isLast: false, isGone: false };
    isFirst = false;
  }
  const [stillThere] = await measureKeys(database, [key]);
  const isGone = stillThere?.type !== type;
  const expiresAt = stillThere?.expiresAt ?? -1;
  yield { type, ...place(wanted), expiresAt, items: [], isFirst, isLast: true, isGone };
}

async function* readItems(database: Database, { key, type, bytes }: WantedKey): AsyncGenerator<Buffer[]> {
  if (type === 'string') yield* readString(database, key);
  else if (type === 'list') yield* readList(database, key, bytes);
  else yield* scanElements(database, { key, type, bytes });
}

async function* readString(database: Database, key: Buffer): AsyncGenerator<Buffer[]> {
  for (let at = 0; ; at += WHOLE_KEY_BYTES) {
    const range = ['GETRANGE', key, String(at), String(at + WHOLE_KEY_BYTES - 1)];
    const piece = await readTyped<Buffer>(database, range);
    if (piece && piece.length > 0) yield [piece];
    if (!piece || piece.length < WHOLE_KEY_BYTES) return;
  }
}

async function* readList(database: Database, key: Buffer, bytes: number): AsyncGenerator<Buffer[]> {
  const length = (await readTyped<number>(database, ['LLEN', key])) ?? 0;
  const step = elementsPerPage(length, bytes);
  for (let at = 0; ; at += step) {
    const range = ['LRANGE', key, String(at), String(at + step - 1)];
    const items = await readTyped<Buffer[]>(database, range);
    if (items && items.length > 0) yield items;
    if (!items || items.length < step) return;
  }
}

const SCANS = { hash: ['HSCAN', 'HLEN'], set: ['SSCAN', 'SCARD'], zset: ['ZSCAN', 'ZCARD'] } as const;

async function* scanElements(
  database: Database,
  { key, type, bytes }: { key: Buffer; type: keyof typeof SCANS; bytes: number },
): AsyncGenerator<Buffer[]> {
  const [scan, size] = SCANS[type];
  const length = (await readTyped<number>(database, [size, key])) ?? 0;
  const count = String(elementsPerPage(length, bytes));
  const check = sameConnection(database);
  let cursor = '0';
  do {
    const page = await readTyped<[Buffer, Buffer[]]>(database, [scan, key, cursor, 'COUNT', count]);
    if (!page) return;
    check();
    cursor = page[0].toString();
    if (page[1].length > 0) yield page[1];
  } while (cursor !== '0');
}

function elementsPerPage(length: number, bytes: number): number {
  const elementBytes = Math.max(1, bytes / Math.max(1, length));
  return Math.max(1, Math.min(WHOLE_KEY_ELEMENTS / 2, Math.floor(WHOLE_KEY_BYTES / elementBytes)));
}

/** A reply, or `undefined` when the key got another type meanwhile: it is seen to be gone at the end. */
async function readTyped<T>(database: Database, command: RedisCommand): Promise<T | undefined> {
  try {
    return await database.send<T>(command, { buffers: true });
  } catch (error) {
    if (isWrongType(error)) return undefined;
    throw error;
  }
}

/** Throws `aborted` once the signal was given. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (!signal?.aborted) return;
  throw new StackloreError('aborted', { message: 'Stopped as asked. No part of the backup is left.' });
}
