import { keyTemplate } from '../../schema/key.ts';

/** Where a big key is put together before it takes its place; no index has such a prefix. */
const TEMPORARY = keyTemplate('stacklore:restoring:{restoreId}:{number}');

/** The temporary key of one big key of a restore. */
export function temporaryKey(restoreId: string, number: number): string {
  return TEMPORARY.build({ restoreId, number: String(number) });
}

/** True for what a restore is putting together, or left when it was interrupted; it goes by itself. */
export function isTemporaryKey(key: string): boolean {
  return TEMPORARY.parse(key) !== undefined;
}
