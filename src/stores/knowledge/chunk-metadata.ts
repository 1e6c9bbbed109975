import type { ChunkPlace } from './document.ts';

/** The metadata of a stored chunk; that of a foreign writer may be anything, and only an object has keys to show. */
export function parseMetadata(json: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : {};
  } catch {
    return {};
  }
}

/** Where a chunk stands by its metadata; other writers may have left things out, or put odd ones there. */
export function placeOf({ start, end, page, headings }: Readonly<Record<string, unknown>>): ChunkPlace {
  return {
    headings: headingsOf(headings),
    ...(isOffset(start) && isOffset(end) && start <= end && { start, end }),
    ...(isOffset(page) && page > 0 && { page }),
  };
}

function headingsOf(value: unknown): readonly string[] {
  if (!Array.isArray(value)) return [];
  return value.every((heading) => typeof heading === 'string') ? value : [];
}

function isOffset(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
