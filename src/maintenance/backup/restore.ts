import { randomUUID } from 'node:crypto';
import type { z } from 'zod';
import { errorMessage, StackloreError } from '../../errors.ts';
import type { Databases } from '../../redis/databases.ts';
import { familiesOf } from '../../schema/families.ts';
import type { KeyPlace } from '../../schema/key.ts';
import { parseMaintenanceRequest, restoreRequest } from '../../schema/maintenance-request.ts';
import type { DatabaseName } from '../../schema/record.ts';
import { whileArriving } from '../arrivals.ts';
import { printableKey } from '../measure-keys.ts';
import type { ArchiveEnd, ArchiveHeader, RecordPart } from './archive-format.ts';
import { readArchive } from './archive-reader.ts';
import type { BackupProgress } from './backup.ts';
import { placedPart } from './placed-part.ts';
import {
  CollectionRestore,
  type IndexOutcome,
  type IndexParts,
  type RebuiltIndex,
} from './rebuild-indexes.ts';
import { findExisting, type Tally, WriteRecords } from './write-records.ts';

/** What to restore, and whom to tell. */
export type RestoreRequest = z.input<typeof restoreRequest> & {
  readonly onProgress?: (progress: BackupProgress) => void;
  readonly signal?: AbortSignal;
};

/** What a restore did, or with `dryRun` would do. */
export interface RestoreReport {
  readonly file: string;
  readonly database: DatabaseName;
  readonly createdAt: string;
  readonly dryRun: boolean;
  /** Only of a dry run: why the restore itself would refuse, with nothing written. */
  readonly refused?: string;
  /** Keys written. */
  readonly restored: number;
  /** Of them, keys that replaced another value. Counted before the restore began. */
  readonly existing: number;
  /** Keys that exist and stay as they are. */
  readonly skipped: number;
  /** Keys left out because they would have expired by now. */
  readonly expired: number;
  /** Keys of the archive that were not asked for. */
  readonly unselected: number;
  /** Keys written by family; those of none under an empty name. */
  readonly families: Readonly<Record<string, number>>;
  /** Indexes of the restored collections, made where they were missing. */
  readonly indexes: readonly RebuiltIndex[];
  /** The index of facts; absent when none was restored. */
  readonly factIndex?: IndexOutcome;
}

/** What a restore works with. */
export interface RestoreParts extends IndexParts {
  readonly databases: Databases;
  readonly now?: () => number;
}

interface Checked {
  readonly header: ArchiveHeader;
  readonly end: ArchiveEnd;
  readonly existing: { readonly count: number; readonly keys: readonly string[] };
}

const NOTHING_RESTORED = { restored: 0, skipped: 0, expired: 0, unselected: 0, families: {}, indexes: [] };

/**
 * Restores an archive into its named database. The whole archive is checked before anything is written; each key is
 * then written at once with its TTL, and indexes that are missing are made last. Throws `already_exists` with nothing
 * written when keys exist and `existing` does not say what becomes of them; `archive_invalid` for a damaged archive. When
 * it is interrupted the error says how to go on.
 */
export async function restore(parts: RestoreParts, request: RestoreRequest): Promise<RestoreReport> {
  const { onProgress, signal, ...plain } = request;
  const wanted = parseMaintenanceRequest(restoreRequest, plain);
  const isWanted = (part: RecordPart): boolean =>
    part.family === '' ? wanted.unknown : (wanted.families?.includes(part.family) ?? true);
  const checked = await checkArchive(parts, { file: wanted.file, isWanted });
  const { header, end, existing } = checked;
  checkFamilies(wanted.families, header);
  const about = {
    ...{ file: wanted.file, database: header.database, createdAt: header.createdAt, dryRun: wanted.dryRun },
    existing: existing.count,
  };
  if (existing.count > 0 && wanted.existing === 'refuse') {
    const refusal = refuseExisting(checked);
    if (!wanted.dryRun) throw refusal;
    return { ...about, ...NOTHING_RESTORED, refused: refusal.message };
  }
  const database = parts.databases[header.database];
  const collections = new CollectionRestore(parts);
  const writesKnowledge = !wanted.dryRun && header.database === 'knowledge';
  if (writesKnowledge) await collections.remember();
  const writer = new WriteRecords(database, {
    mode: wanted.existing,
    isDryRun: wanted.dryRun,
    restoreId: randomUUID(),
    now: parts.now ?? Date.now,
  });
  let unselected = 0;
  let done = 0;
  const writeAll = async (): Promise<void> => {
    try {
      for await (const page of readArchive(wanted.file)) {
        if (!('parts' in page)) continue;
        if (signal?.aborted) throw new StackloreError('aborted', { message: 'Stopped as asked.' });
        const selected = placed(database, page.parts.filter(isWanted)).map((part) => collections.take(part));
        done += countKeys(page.parts);
        unselected += countKeys(page.parts) - countKeys(selected);
        await writer.write(selected);
        onProgress?.({ database: header.database, done, total: end.keys });
      }
    } finally {
      await writer.finish();
    }
  };
  let indexes: RebuiltIndex[] = [];
  let factIndex: IndexOutcome | undefined;
  try {
    await (writesKnowledge ? whileArriving(database, writeAll) : writeAll());
    if (writesKnowledge) {
      indexes = await collections.finish();
      factIndex = await collections.finishFacts();
    }
  } catch (error) {
    throw interrupted(error, { tally: writer.tally, mode: wanted.existing, total: end.keys });
  }
  const { restored, skipped, expired, families } = writer.tally;
  return {
    ...about,
    ...{ restored, skipped, expired, unselected },
    families: Object.fromEntries(families),
    ...{ indexes, ...(factIndex && { factIndex }) },
  };
}

/** Reads all of the archive, so that nothing of a damaged one is written, and looks which of its keys exist. */
async function checkArchive(
  { databases }: RestoreParts,
  { file, isWanted }: { file: string; isWanted: (part: RecordPart) => boolean },
): Promise<Checked> {
  let header: ArchiveHeader | undefined;
  let end: ArchiveEnd | undefined;
  let count = 0;
  const keys: string[] = [];
  for await (const page of readArchive(file)) {
    if ('header' in page) header = page.header;
    else if ('end' in page) end = page.end;
    else if (header) {
      const database = databases[header.database];
      const found = await findExisting(database, placed(database, page.parts.filter(isWanted)));
      count += found.length;
      for (const key of found) if (keys.length < 5) keys.push(printableKey(key));
    }
  }
  // The reader gives both or throws.
  if (!header || !end)
    throw new StackloreError('internal', { message: 'An archive was read without an end.' });
  return { header, end, existing: { count, keys } };
}

function placed(place: KeyPlace, parts: readonly RecordPart[]): RecordPart[] {
  return parts.flatMap((part) => placedPart(place, part) ?? []);
}

function checkFamilies(families: readonly string[] | undefined, { database }: ArchiveHeader): void {
  const foreign = families?.find((name) => !familiesOf([database]).some((family) => family.name === name));
  if (foreign === undefined) return;
  throw new StackloreError('invalid_input', {
    message: `The family "${foreign}" does not lie in the ${database} database, which this archive was taken from. Name another family or another archive.`,
  });
}

function countKeys(parts: readonly RecordPart[]): number {
  return parts.filter((part) => part.isLast && !part.isGone).length;
}

function refuseExisting({ existing, header }: Checked): StackloreError {
  const { count, keys } = existing;
  const named = keys.map((key) => `"${key.slice(0, 100)}"`).join(', ');
  return new StackloreError('already_exists', {
    message: `Nothing was restored: ${count} keys of the archive exist in the ${header.database} database (${named}${count > keys.length ? ', …' : ''}). Keep them with --skip-existing (existing: "skip"), or replace them with --replace (existing: "replace").`,
  });
}

function interrupted(
  error: unknown,
  { tally, mode, total }: { tally: Tally; mode: 'refuse' | 'skip' | 'replace'; total: number },
): unknown {
  if (!(error instanceof StackloreError)) return error;
  const next =
    mode === 'replace'
      ? 'Repeat the same command: it replaces what was written already with the same values.'
      : 'Repeat it with --skip-existing (existing: "skip"): what was written already stays and the rest follows.';
  return new StackloreError(error.code, {
    message: `The restore was interrupted when at least ${tally.restored} of ${total} keys were written, each of them whole; indexes were not rebuilt. ${next} Reason: ${errorMessage(error)}`,
    cause: error,
  });
}
