import { describe, expect, it } from 'vitest';
import { type Line, readLines } from '../../src/ingest/read-lines.ts';

async function read(chunks: readonly (Uint8Array | string)[], maxBytes?: number): Promise<Line[]> {
  async function* stream() {
    yield* chunks;
  }
  const lines: Line[] = [];
  for await (const line of readLines(stream(), maxBytes === undefined ? {} : { maxBytes })) lines.push(line);
  return lines;
}

describe('readLines', () => {
  it('counts every line and gives those that are not blank, wherever the bytes are cut', async () => {
    const whole = Buffer.from('\ufeffä\r\n\n  \nlast');
    const expected = [
      { number: 1, text: 'ä' },
      { number: 4, text: 'last' },
    ];

    expect(await read([whole])).toEqual(expected);
    expect(await read([...whole].map((byte) => Uint8Array.of(byte)))).toEqual(expected);
  });

  it('reports a line that is too long without keeping it, and goes on', async () => {
    const lines = await read(['ab', 'cdef', 'gh\nok\n'], 4);

    expect(lines).toEqual([
      { number: 1, problem: expect.stringContaining('longer than 4 bytes') },
      { number: 2, text: 'ok' },
    ]);
  });

  it('reports a line that is not UTF-8', async () => {
    expect(await read([Uint8Array.of(0xff, 0x0a), 'ok'])).toEqual([
      { number: 1, problem: expect.stringContaining('UTF-8') },
      { number: 2, text: 'ok' },
    ]);
  });
});
