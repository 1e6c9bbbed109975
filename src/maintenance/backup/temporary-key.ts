import { type KeyPlace, keyTemplate, slotText } from '../../schema/key.ts';

/** Where a big key is put together before it takes its place; no index has such a prefix. */
const TEMPORARY = keyTemplate('stacklore:restoring:{restoreId}:{number}');

/** The temporary key of the nth big key of a restore, on a cluster in the slot of that key. */
export function temporaryKey(
  { isCluster }: KeyPlace,
  key: Buffer,
  [restoreId, number]: readonly [restoreId: string, number: number],
): string {
  const temporary = TEMPORARY.build({ restoreId, number: String(number) });
  return isCluster ? `${temporary}:{${slotText(key.toString())}}` : temporary;
}

/** True for what a restore is putting together, or left when it was interrupted; it goes by itself. */
export function isTemporaryKey(key: string): boolean {
  return key.startsWith('stacklore:restoring:');
}
