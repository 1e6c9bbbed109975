import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { BackupArchive } from '../src/maintenance/backup/backup.ts';
import type { RestoreReport } from '../src/maintenance/backup/restore.ts';
import { DIGEST_KEYS } from '../src/maintenance/migrate/scripts/digest-keys.ts';
import type { PrivateRedis } from '../src/redis/private-redis.ts';
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

/** How many keys a database holds, and one digest of their types, values and expiries. */
export interface DatabaseDigest {
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

/** Writes these records of `storedRecords`, which are the same in every run but for their expiries. */
export async function fillServer(lore: Stacklore, { first, last }: Range, expireAt: number): Promise<void> {
  for (const [database, records] of batches({ first, last })) {
    const commands = records.flatMap(({ command, key, expires }) =>
      expires ? [command, ['PEXPIREAT', key, String(expireAt)]] : [command],
    );
    await lore.databases[database].pipeline(commands);
  }
}

/** What the first records are now, read from the server key by key. */
export async function digestServer(
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

/** Lends a folder for archives that goes afterwards. */
export async function withFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'stacklore-soak-'));
  try {
    await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
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
