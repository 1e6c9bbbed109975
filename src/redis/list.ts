import { errorMessage, RecordError } from '../errors.ts';
import { type UnreadableRecord, unreadable } from './hash.ts';

/** An element of a list that is left out, as it cannot be read; 0 is the leftmost. */
export interface UnreadableElement extends UnreadableRecord {
  readonly position: number;
}

/** The elements of a stretch of a list as `decode` reads them; one that it throws for does not hide the others. */
export function readElements<T>(
  elements: readonly string[],
  { key, offset, decode }: { key: string; offset: number; decode: (element: string) => T },
): { items: T[]; unreadable: UnreadableElement[] } {
  const items: T[] = [];
  const broken: UnreadableElement[] = [];
  for (const [at, element] of elements.entries()) {
    try {
      items.push(decode(element));
    } catch (error) {
      const position = offset + at;
      const issue = { field: `element ${position}`, message: errorMessage(error) };
      broken.push({ position, ...unreadable(new RecordError(key, [issue])) });
    }
  }
  return { items, unreadable: broken };
}
