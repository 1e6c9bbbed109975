/** One line of a text, counted from 1, or why it cannot be read. */
export type Line =
  | { readonly number: number; readonly text: string }
  | { readonly number: number; readonly problem: string };

/** The longest line that is read. */
const MAX_LINE_BYTES = 262_144;

/** The lines of a stream of bytes that are not blank. However long a line is, no more than the limit is kept of it. */
export async function* readLines(
  chunks: AsyncIterable<Uint8Array | string>,
  { maxBytes = MAX_LINE_BYTES } = {},
): AsyncGenerator<Line> {
  let number = 1;
  let parts: Buffer[] = [];
  let length = 0;
  const take = (piece: Buffer) => {
    length += piece.length;
    if (length <= maxBytes) parts.push(piece);
    else parts = [];
  };
  const end = (): Line | undefined => {
    const line = length > maxBytes ? tooLong(number, maxBytes) : decode(number, Buffer.concat(parts));
    parts = [];
    length = 0;
    number += 1;
    return line;
  };
  for await (const chunk of chunks) {
    const bytes =
      typeof chunk === 'string'
        ? Buffer.from(chunk)
        : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let from = 0;
    for (let at = bytes.indexOf(10); at !== -1; at = bytes.indexOf(10, from)) {
      take(bytes.subarray(from, at));
      from = at + 1;
      const line = end();
      if (line) yield line;
    }
    take(bytes.subarray(from));
  }
  const last = end();
  if (last) yield last;
}

function decode(number: number, bytes: Buffer): Line | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes).trim();
    return text === '' ? undefined : { number, text };
  } catch {
    return { number, problem: 'It is not UTF-8. Save the file as UTF-8.' };
  }
}

function tooLong(number: number, maxBytes: number): Line {
  return { number, problem: `It is longer than ${maxBytes} bytes. Shorten or split it.` };
}
