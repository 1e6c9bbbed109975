import { join } from 'node:path';
import type { z } from 'zod';
import { StackloreError } from '../../errors.ts';
import type { Databases } from '../../redis/databases.ts';
import { familiesOf, familyFinder } from '../../schema/families.ts';
import { backupRequest, parseMaintenanceRequest } from '../../schema/maintenance-request.ts';
import type { DatabaseName } from '../../schema/record.ts';
import { allDatabaseNames, findKeyspaces, type Keyspace, readInfo } from '../keyspace.ts';
import { printableKey } from '../measure-keys.ts';
import { type ArchiveHeader, FORMAT_VERSION } from './archive-format.ts';
import { archiveName } from './archive-name.ts';
import { type WriteOptions, type WrittenArchive, writeArchive } from './archive-writer.ts';
import { readRecords } from './read-records.ts';
import { rotateArchives } from './rotate.ts';
import { type Snapshot, saveSnapshot } from './snapshot.ts';
import { isTemporaryKey } from './temporary-key.ts';

/** How far a backup or a restore is; `total` is what was there when it began. */
export interface BackupProgress {
  readonly database: DatabaseName;
  readonly done: number;
  readonly total: number;
}

/** What to back up, and whom to tell. */
export type BackupRequest = z.input<typeof backupRequest> & {
  readonly onProgress?: (progress: BackupProgress) => void;
  readonly signal?: AbortSignal;
};

/** One archive, and what it leaves out. */
export interface BackupArchive extends WrittenArchive {
  readonly database: DatabaseName;
  /** Keys of a type that archives do not hold (streams, types of modules): their number and the first few. */
  readonly skipped: { readonly count: number; readonly keys: readonly string[] };
  /** Older archives that were removed. */
  readonly removed: readonly string[];
}

export interface BackupReport {
  readonly archives: readonly BackupArchive[];
  readonly snapshots: readonly Snapshot[];
}

/** What a backup works with. */
export interface BackupParts extends WriteOptions {
  readonly databases: Databases;
  /** Where archives go unless told. */
  readonly folder: string;
  readonly now?: () => number;
}

const NAMED_SKIPPED = 20;

/** Writes an archive of each named database, and where asked lets the servers write a snapshot of all they hold. */
export async function backup(parts: BackupParts, request: BackupRequest = {}): Promise<BackupReport> {
  const { onProgress, signal, ...plain } = request;
  const wanted = parseMaintenanceRequest(backupRequest, plain);
  const names = wanted.databases ?? (wanted.server ? [] : allDatabaseNames());
  const selected = namesWithFamilies(names, wanted.families);
  const keyspaces = await findKeyspaces(parts.databases, wanted.server ? undefined : selected);
  const snapshots: Snapshot[] = [];
  if (wanted.server) {
    const servers = new Map(keyspaces.map((keyspace) => [keyspace.serverId, keyspace.database]));
    for (const database of servers.values()) {
      for (const server of await database.shards())
        snapshots.push(await saveSnapshot(server, { ...(signal && { signal }) }));
    }
  }
  const archives: BackupArchive[] = [];
  let failure: unknown;
  for (const database of selected) {
    const keyspace = keyspaces.find((one) => one.names.includes(database));
    if (!keyspace) continue;
    const isFirstOfKeyspace = keyspace.names.find((name) => selected.includes(name)) === database;
    const selection = {
      database,
      families:
        wanted.families?.filter((name) => familiesOf([database]).some((one) => one.name === name)) ?? null,
      unknown: wanted.unknown && isFirstOfKeyspace,
    };
    const folder = wanted.folder ?? parts.folder;
    const archive = await backupDatabase({ ...parts, folder }, { keyspace, selection, onProgress, signal });
    const limits = { keep: wanted.keep, keepDays: wanted.keepDays };
    const removed = await rotateArchives(folder, {
      written: archive.path,
      limits,
      now: (parts.now ?? Date.now)(),
    }).catch((error: unknown) => {
      // That an old archive stays keeps no other database from being saved.
      failure ??= error;
      return [];
    });
    archives.push({ ...archive, removed });
  }
  if (failure) throw failure;
  return { archives, snapshots };
}

/** With families given, only the databases that have some of them. */
function namesWithFamilies(names: readonly DatabaseName[], families: readonly string[] | undefined) {
  if (!families) return names;
  const databases = new Set(
    familiesOf(names).flatMap(({ name, record }) => (families.includes(name) ? [record.database] : [])),
  );
  if (databases.size > 0) return names.filter((name) => databases.has(name));
  throw new StackloreError('invalid_input', {
    message: `None of the families ${families.join(', ')} lies in ${names.join(', ')}. Name another database, or none for all.`,
  });
}

type Selection = Pick<ArchiveHeader, 'database' | 'families' | 'unknown'>;

interface Work {
  readonly keyspace: Keyspace;
  readonly selection: Selection;
  readonly onProgress: BackupRequest['onProgress'] | undefined;
  readonly signal: AbortSignal | undefined;
}

async function backupDatabase(
  { databases, folder, now = Date.now, ...options }: BackupParts,
  { keyspace, selection, onProgress, signal }: Work,
): Promise<Omit<BackupArchive, 'removed'>> {
  const { database } = selection;
  const connection = databases[database];
  const total = await connection.send<number>(['DBSIZE']);
  const createdAt = new Date(now());
  const skipped: string[] = [];
  let count = 0;
  const parts = readRecords(connection, {
    familyOf: chooser(selection, keyspace),
    onScanned: (done) => onProgress?.({ database, done, total: Math.max(total, done) }),
    onSkipped: (key) => {
      count += 1;
      if (skipped.length < NAMED_SKIPPED) skipped.push(printableKey(key));
    },
    keepsDocumentsWhole:
      database === 'knowledge' &&
      ['document', 'chunk'].every((name) => selection.families?.includes(name) ?? true),
    ...(signal && { signal }),
  });
  const header: ArchiveHeader = {
    ...{ format: 'stacklore-backup', version: FORMAT_VERSION, ...selection },
    createdAt: createdAt.toISOString(),
    redisVersion: (await readInfo(connection, 'server')).get('redis_version') ?? 'unknown',
  };
  const path = join(folder, archiveName(database, createdAt));
  const written = await writeArchive(path, { header, parts }, options);
  return { database, ...written, skipped: { count, keys: skipped } };
}

/** Gives a key's family where it is wanted, empty for an unknown key that is wanted. */
function chooser({ database, families, unknown }: Selection, { names }: Keyspace) {
  const familyOf = familyFinder(familiesOf(names));
  return (bytes: Buffer): string | undefined => {
    const key = bytes.toString();
    const family = familyOf(key);
    if (!family) return unknown && !isTemporaryKey(key) ? '' : undefined;
    if (family.record.database !== database || family.record.isTransient) return undefined;
    return families === null || families.includes(family.name) ? family.name : undefined;
  };
}
