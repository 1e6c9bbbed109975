import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
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
 * say of themselves, of the same database and selection as the one just written, which always stays.
 */
export async function rotateArchives(
  folder: string,
  { written, limits, now }: { written: string; limits: RotationLimits; now: number },
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
  for (const { path } of outdated) await rm(path, { force: true });
  return outdated.map(({ path }) => path);
}

function isSameSelection(a: ArchiveHeader, b: ArchiveHeader): boolean {
  const selection = ({ database, families, unknown }: ArchiveHeader) =>
    JSON.stringify([database, families && [...families].sort(), unknown]);
  return selection(a) === selection(b);
}
