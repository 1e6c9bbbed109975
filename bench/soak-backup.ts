import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { isDeepStrictEqual } from 'node:util';
import type { BackupArchive } from '../src/maintenance/backup/backup.ts';
import type { RestoreReport } from '../src/maintenance/backup/restore.ts';
import { DIGEST_KEYS } from '../src/maintenance/migrate/scripts/digest-keys.ts';
import { type PrivateRedis, startPrivateRedis } from '../src/redis/private-redis.ts';
import { runScript } from '../src/redis/script.ts';
import type { DatabaseName } from '../src/schema/record.ts';
import type { Stacklore } from '../src/stacklore.ts';
import { type StoredRecord, storedRecords } from './stored-records.ts';

/** What a command did to many keys, in a process of its own. */
export interface CommandRun<Data> {
  readonly data: Data;
  readonly seconds: number;
  /** The most memory its process held. */
  readonly peakMb: number;
}

/** What many keys took on their way into archives and out of them. */
export interface BackupSoakReport {
  /** The memory that backing up a tenth of the keys took: with all of them it should not be much more. */
  readonly peakOfFewMb: number;
  readonly saved: CommandRun<readonly BackupArchive[]>;
  readonly restored: CommandRun<readonly RestoreReport[]>;
  /** What the server held, and what the one that was restored into holds; as `isSame` has it. */
  readonly before: Readonly<Record<string, DatabaseDigest>>;
  readonly after: Readonly<Record<string, DatabaseDigest>>;
  readonly isSame: boolean;
}

/** How many keys a database holds, and one digest of their types, values and expiries. */
interface DatabaseDigest {
  readonly keys: number;
  readonly sha256: string;
}

/** A range of records: from the first on up to, but without, the last. */
interface Range {
  readonly first: number;
  readonly last: number;
}

const BATCH = 1_000;
const DATABASES: readonly DatabaseName[] = ['main', 'knowledge', 'prompts', 'analytics'];
const PEAK_MEMORY = new URL('./print-peak-memory.js', import.meta.url);

/** Backs up very many keys of one server and restores them into another; `open` connects to either. */
export async function soakBackup(
  keys: number,
  open: (redis: PrivateRedis) => Stacklore,
): Promise<BackupSoakReport> {
  const few = Math.ceil(keys / 10);
  const folder = mkdtempSync(join(tmpdir(), 'stacklore-soak-'));
  const source = await startPrivateRedis();
  let target: PrivateRedis | undefined;
  const from = open(source);
  try {
    const expireAt = Date.now() + 24 * 3_600_000;
    await fillServer(from, { first: 0, last: few }, expireAt);
    const { peakMb: peakOfFewMb } = await backUp(source, join(folder, 'few'));
    await fillServer(from, { first: few, last: keys }, expireAt);
    const before = await digestServer(from, keys);
    const saved = await backUp(source, join(folder, 'all'));
    await from.close();
    await source.stop();
    target = await startPrivateRedis();
    const restored = await restoreAll(target, saved.data);
    const to = open(target);
    const after = await digestServer(to, keys).finally(() => to.close());
    const written = restored.data.reduce((sum, one) => sum + one.restored, 0);
    const isSame = isDeepStrictEqual(after, before) && written === keys;
    return { peakOfFewMb, saved, restored, before, after, isSame };
  } finally {
    await from.close();
    await source.stop();
    await target?.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Writes these records of `storedRecords`, which are the same in every run but for their expiries. */
async function fillServer(lore: Stacklore, { first, last }: Range, expireAt: number): Promise<void> {
  for (const [database, records] of batches({ first, last })) {
    const commands = records.flatMap(({ command, key, expires }) =>
      expires ? [command, ['PEXPIREAT', key, String(expireAt)]] : [command],
    );
    await lore.databases[database].pipeline(commands);
  }
}

/** What the first records are now, read from the server key by key. */
async function digestServer(
  lore: Stacklore,
  last: number,
): Promise<Readonly<Record<string, DatabaseDigest>>> {
  const hashes = new Map(DATABASES.map((name) => [name, createHash('sha256')]));
  for (const [name, records] of batches({ first: 0, last })) {
    const keys = records.map(({ key }) => key);
    const digests = await runScript<string[]>(lore.databases[name], DIGEST_KEYS, { keys });
    hashes.get(name)?.update(JSON.stringify([keys, digests]));
  }
  const found: Record<string, DatabaseDigest> = {};
  for (const [name, hash] of hashes) {
    found[name] = { keys: await lore.databases[name].send<number>(['DBSIZE']), sha256: hash.digest('hex') };
  }
  return found;
}

/** Backs up all databases into a folder. */
export async function backUp(
  redis: Pick<PrivateRedis, 'url'>,
  folder: string,
): Promise<CommandRun<readonly BackupArchive[]>> {
  const { data, ...run } = await runCommand<{ archives: readonly BackupArchive[] }>(redis, [
    'backup',
    '--to',
    folder,
  ]);
  return { ...run, data: data.archives };
}

/** Restores archives, one after the other. */
export async function restoreAll(
  redis: Pick<PrivateRedis, 'url'>,
  archives: readonly BackupArchive[],
): Promise<CommandRun<readonly RestoreReport[]>> {
  const runs: CommandRun<RestoreReport>[] = [];
  for (const { path } of archives) runs.push(await runCommand<RestoreReport>(redis, ['restore', path]));
  return {
    data: runs.map(({ data }) => data),
    seconds: runs.reduce((sum, { seconds }) => sum + seconds, 0),
    peakMb: Math.max(...runs.map(({ peakMb }) => peakMb)),
  };
}

/** The records of a range, database by database in batches. */
function* batches({ first, last }: Range): Generator<[DatabaseName, StoredRecord[]]> {
  for (let at = first; at < last; at += BATCH) {
    const byDatabase = new Map<DatabaseName, StoredRecord[]>();
    for (const record of storedRecords(at, Math.min(last, at + BATCH))) {
      const known = byDatabase.get(record.database);
      if (known) known.push(record);
      else byDatabase.set(record.database, [record]);
    }
    yield* byDatabase;
  }
}

/** Runs the compiled command and measures its process. */
export async function runCommand<Data>(
  redis: Pick<PrivateRedis, 'url'>,
  args: readonly string[],
): Promise<CommandRun<Data>> {
  const started = performance.now();
  const command = ['--import', PEAK_MEMORY.href, 'dist/cli/main.js', ...args];
  const child = spawn(process.execPath, [...command, '--redis-url', redis.url, '--json'], {
    stdio: ['ignore', 'pipe', 'inherit', 'pipe'],
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const [, stdout, , told] = child.stdio;
  // Both are pipes, as asked for above.
  const [output = '', peak = ''] = await Promise.all([stdout, told].map((pipe) => text(pipe as Readable)));
  const code = await ended;
  if (code !== 0) throw new Error(`stacklore ${args.join(' ')} ended with ${code}: ${output}`);
  const seconds = (performance.now() - started) / 1_000;
  return { data: JSON.parse(output) as Data, seconds, peakMb: (Number(peak) * 1_024) / 1e6 };
}
