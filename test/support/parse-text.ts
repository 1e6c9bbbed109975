import { expect } from 'vitest';
import type { ParsedDocument } from '../../src/ingest/parse/document.ts';
import { type ParseOptions, parseSource } from '../../src/ingest/parse/parse-source.ts';
import type { SourceProblem } from '../../src/ingest/source.ts';

/** Everything that a file of the given name and content gives; each document's blocks are checked for order. */
export async function parseAll(
  name: string,
  content: string | Buffer,
  options: ParseOptions & { readonly mediaType?: string } = {},
): Promise<(ParsedDocument | SourceProblem)[]> {
  const { mediaType, ...parseOptions } = options;
  const source = { source: `/data/${name}`, name, bytes: Buffer.from(content) };
  const given: (ParsedDocument | SourceProblem)[] = [];
  const parsed = parseSource(
    mediaType === undefined ? source : { ...source, contentType: mediaType },
    parseOptions,
  );
  for await (const item of parsed) {
    if (!('status' in item)) checkBlocks(item);
    given.push(item);
  }
  return given;
}

/** The one document that a file gives. */
export async function parseOne(
  name: string,
  content: string | Buffer,
  options: ParseOptions & { readonly mediaType?: string } = {},
): Promise<ParsedDocument> {
  const [item, ...others] = await parseAll(name, content, options);
  expect(others).toEqual([]);
  if (item === undefined || 'status' in item)
    throw new Error(`${name} gave no document: ${JSON.stringify(item)}`);
  return item;
}

/** Kind and text of each block, as a test writes them down. */
export function blocksOf({ text, blocks }: ParsedDocument): [kind: string, text: string][] {
  return blocks.map(({ kind, start, end }) => [kind, text.slice(start, end)]);
}

function checkBlocks({ text, blocks }: ParsedDocument): void {
  expect(text).toBe(text.normalize('NFC'));
  expect(text).not.toMatch(/[\r\0]/);
  let last = 0;
  for (const { start, end } of blocks) {
    expect(start).toBeGreaterThanOrEqual(last);
    expect(end).toBeGreaterThan(start);
    expect(end).toBeLessThanOrEqual(text.length);
    expect(text.slice(start, end).trim()).not.toBe('');
    last = end;
  }
}
