/** Says below a list which stored records it leaves out, by name where they have one, and why. */
export function unreadableLines(
  unreadable: readonly { readonly name?: string; readonly key: string; readonly problem: string }[],
): string[] {
  return unreadable.map(({ name, key, problem }) => `unreadable ${name ?? key}: ${problem}`);
}
