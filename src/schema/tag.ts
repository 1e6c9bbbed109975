/** What separates the tags of one field; no tag can hold it. */
export const TAG_SEPARATOR = '\x1f';

/** RediSearch cuts longer tags, so that from there on different values would look equal. */
const MAX_TAG_BYTES = 4_095;

/** What keeps a text from being a tag that a filter finds, and only it, as the end of a sentence; `undefined` if nothing does. */
export function tagProblem(text: string): string | undefined {
  // RediSearch ends a tag at U+0000 and begins the next one after U+001F.
  if (text.includes('\0') || text.includes(TAG_SEPARATOR)) {
    return 'holds U+0000 or U+001F, which no tag can hold';
  }
  if (!text.isWellFormed()) return 'holds half of a surrogate pair';
  if (Buffer.byteLength(text) > MAX_TAG_BYTES) return `is longer than ${MAX_TAG_BYTES} bytes`;
  return undefined;
}
