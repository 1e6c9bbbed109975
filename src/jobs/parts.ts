import type { IngestJob } from '../stores/main/ingest-jobs.ts';

/** Jobs of no more sources than this are one worker's. */
export const MOST_UNSHARED = 8;
/** The report of what could not be listed stands where that of a part would. */
export const LISTING = 0;

const LARGEST_PART = 500;
const SMALLEST_PART = 4;
const SHARE = 16;

/**
 * How many sources each part of a job has: large parts first, for each costs something, and small ones at the end, so that
 * workers end at about the same time.
 */
export function partSizes(sources: number): number[] {
  const sizes: number[] = [];
  for (let left = sources; left > 0; ) {
    const wanted = Math.ceil(left / SHARE);
    const size = Math.min(left, LARGEST_PART, Math.max(SMALLEST_PART, wanted));
    sizes.push(size);
    left -= size;
  }
  return sizes;
}

/** A list in parts of these sizes. */
export function inParts<T>(list: readonly T[], sizes: readonly number[]): T[][] {
  let end = 0;
  return sizes.map((size) => {
    end += size;
    return list.slice(end - size, end);
  });
}

/** The numbers of a job's parts. */
export function partsOf({ parts = [] }: Pick<IngestJob, 'parts'>): number[] {
  return parts.map((_, at) => at + 1);
}

/** Which inputs a part has. */
export function inputsOfPart(
  { kind, parts = [] }: Pick<IngestJob, 'kind' | 'parts'>,
  part: number,
): number[] {
  // The first input of a job that was listed is what was to be listed.
  const offset = isListed({ kind }) ? 1 : 0;
  const first = parts.slice(0, part - 1).reduce((sum, count) => sum + count, offset);
  return Array.from({ length: parts[part - 1] ?? 0 }, (_, at) => first + at);
}

/** Whether what a job names may stand for many sources: folders, patterns, sitemaps. */
export function isListed({ kind }: Pick<IngestJob, 'kind'>): boolean {
  return kind === 'sources' || kind === 'urls';
}
