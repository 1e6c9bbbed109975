import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { errorMessage, StackloreError } from '../../errors.ts';
import type { ArchiveHeader } from './archive-format.ts';
import { isArchiveName } from './archive-name.ts';
import { findHeader } from './archive-reader.ts';

const DAY_MS = 86_400_000;

export interface RotationLimits {
  readonly keep: number | undefined;
  readonly keepDays: number | undefined;
}

/**
 * Removes older archives beyond the limits and gives their paths. Only files that are archives by name and by what they
 * say of themselves, of the same database and selection as the one just written, which always stays. Throws
 * `archive_unwritable` when one cannot be removed.
 */
export async function rotateArchives(
  folder: string,
  {
    written,
    limits,
    now,
    removeFile = rm,
  }: { written: string; limits: RotationLimits; now: number; removeFile?: (path: string) => Promise<void> },
): Promise<string[]> {
  const { keep = Number.POSITIVE_INFINITY, keepDays = Number.POSITIVE_INFINITY } = limits;
  const own = await findHeader(written);
  if (!own || (limits.keep === undefined && limits.keepDays === undefined)) return [];
  const others: { path: string; createdAt: number }[] = [];
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    if (!isArchiveName(name) || path === written) continue;
    const header = await findHeader(path);
    if (header && isSameSelection(header, own))
      others.push({ path, createdAt: Date.parse(header.createdAt) });
  }
  others.sort((a, b) => b.createdAt - a.createdAt);
  const outdated = others.filter(({ createdAt }, index) => {
    return index + 2 > keep || now - createdAt > keepDays * DAY_MS;
  });
  for (const { path } of outdated)
    await removeFile(path).catch((error: unknown) => ignoreGone(error, written));
  return outdated.map(({ path }) => path);
}

function ignoreGone(error: unknown, written: string): void {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return;
  throw new StackloreError('archive_unwritable', {
    message: `The backup ${written} is whole, but an older one could not be removed (${errorMessage(error)}). Correct the permissions of its folder, or remove old archives by hand.`,
    cause: error,
  });
}

function isSameSelection(a: ArchiveHeader, b: ArchiveHeader): boolean {
  const selection = ({ database, families, unknown }: ArchiveHeader) =>
    JSON.stringify([database, families && [...families].sort(), unknown]);
  return selection(a) === selection(b);
}
