import type { UnreadableRecord } from '../redis/hash.ts';

/** Says below a list which stored records it leaves out, by name where they have one, and why. */
export function unreadableLines(
  unreadable: readonly (UnreadableRecord & { readonly name?: string })[],
): string[] {
  return unreadable.map(({ name, key, problem }) => `unreadable ${name ?? key}: ${problem}`);
}
