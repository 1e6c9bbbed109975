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

/** The white space that the server trims from a tag when it indexes one, but not from a parameter. */
const TAG_SPACE = /^[ \t\n\v\f\r]+|[ \t\n\v\f\r]+$/g;

/** A tag without the white space around it, which the index does not keep. */
export function trimTag(text: string): string {
  return text.replace(TAG_SPACE, '');
}

/** A trimmed tag as the parameter of a query that finds it. */
export function tagParameter(tag: string): string {
  // The one character that a parameter does not carry as it is: the server reads it as an escape of the next.
  return tag.replaceAll('\\', '\\\\');
}
