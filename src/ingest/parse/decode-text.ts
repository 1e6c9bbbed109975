import { isUtf8 } from 'node:buffer';
import { StackloreError } from '../../errors.ts';
import type { Source } from '../source.ts';

/** How much of a source is looked at to tell text from binary. */
export const HEAD_BYTES = 8_000;

/** The text of a source's bytes. Throws `parse_failed` when they are not text of the encoding. */
export function decodeText(source: Source, encoding?: string): string {
  const { bytes, name } = source;
  const decoder = createDecoder(byteOrderMark(bytes) ?? encoding ?? declaredEncoding(source));
  try {
    return normaliseText(decoder.decode(bytes));
  } catch (cause) {
    const isDefault = decoder.encoding === 'utf-8';
    throw new StackloreError('parse_failed', {
      message: `${name} is not valid ${decoder.encoding.toUpperCase()}${isDefault ? ` (first at line ${firstBadLine(bytes)})` : ''}. Convert it, or name its encoding, e.g. --encoding latin1.`,
      cause,
    });
  }
}

/** NFC, `\n` as the only line end, and nothing that UTF-8 or a database cannot carry. */
export function normaliseText(text: string): string {
  let clean = text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
  if (clean.includes('\r')) clean = clean.replace(/\r\n?/g, '\n');
  if (clean.includes('\0')) clean = clean.replaceAll('\0', '');
  if (clean.includes('\f')) clean = clean.replaceAll('\f', '\n');
  // Below U+0300 nothing combines; normalising would copy a long text all the same.
  return COMBINING.test(clean) ? clean.toWellFormed().normalize('NFC') : clean;
}

const COMBINING = /[\u0300-\uffff]/;

/** Whether bytes can be read as text: in the encoding given or declared, by a byte order mark, or as UTF-8. */
export function isText(source: Source, encoding?: string): boolean {
  const { bytes } = source;
  if (byteOrderMark(bytes) !== undefined) return true;
  if (bytes.subarray(0, HEAD_BYTES).includes(0)) return false;
  return encoding !== undefined || declaredEncoding(source) !== undefined || isUtf8(bytes);
}

/** Whether the beginning of a file shows that it is not text. */
export function looksBinary(head: Buffer): boolean {
  return byteOrderMark(head) === undefined && head.subarray(0, HEAD_BYTES).includes(0);
}

function createDecoder(encoding = 'utf-8'): InstanceType<typeof TextDecoder> {
  try {
    return new TextDecoder(encoding, { fatal: true });
  } catch (cause) {
    throw new StackloreError('invalid_input', {
      message: `The encoding "${encoding}" is not known. Use a name such as utf-8, latin1, utf-16le or shift_jis.`,
      cause,
    });
  }
}

function byteOrderMark(bytes: Buffer): string | undefined {
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return 'utf-8';
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le';
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be';
  return undefined;
}

/** The encoding that the server's header or the page itself names, unless it is UTF-8 or unknown. */
function declaredEncoding({ bytes, contentType = '' }: Source): string | undefined {
  const header = /charset\s*=\s*["']?([\w-]+)/i.exec(contentType)?.[1];
  const inPage = /^\s*<[\s\S]*?<meta[^>]{1,200}?charset\s*=\s*["']?([\w-]+)/i;
  const label = header ?? inPage.exec(bytes.toString('latin1', 0, 2_048))?.[1];
  if (label === undefined) return undefined;
  try {
    const { encoding } = new TextDecoder(label);
    // A page that can be read in this way holds no UTF-16, whatever it says.
    return encoding === 'utf-8' || (header === undefined && encoding.startsWith('utf-16'))
      ? undefined
      : encoding;
  } catch {
    return undefined;
  }
}

function firstBadLine(bytes: Buffer): number {
  let line = 1;
  let start = 0;
  for (;;) {
    const end = bytes.indexOf(0x0a, start);
    if (end === -1 || !isUtf8(bytes.subarray(start, end))) return line;
    start = end + 1;
    line += 1;
  }
}
