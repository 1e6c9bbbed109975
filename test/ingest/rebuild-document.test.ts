import { hash as digest } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type ChunkOptions, chunkDocument } from '../../src/ingest/chunk.ts';
import type { CuttableText, ParsedDocument } from '../../src/ingest/parse/document.ts';
import { rebuildDocument } from '../../src/ingest/rebuild-document.ts';
import { rebuildText } from '../../src/ingest/rebuild-text.ts';
import { fakeTokenizer } from '../support/fake-embedder.ts';
import { parseAll } from '../support/parse-text.ts';

const hashOf = (text: string) => digest('sha256', text);

function cut(document: CuttableText, sizes: Pick<ChunkOptions, 'size' | 'overlap'>) {
  const options = { ...sizes, tokenizer: fakeTokenizer, maxTokens: 256, documentPrefix: '' };
  return [...chunkDocument(document, options)];
}

/** The chunks of a document as they are stored. */
function stored(document: CuttableText, sizes: Pick<ChunkOptions, 'size' | 'overlap'>) {
  return cut(document, sizes).map(({ index, text, start, end, headings, page }) => ({
    ...{ chunkId: `doc_chunk_${index}`, nodeId: '', text },
    metadata: { start, end, headings, ...(page !== undefined && { page }) },
  }));
}

const chunkAt = (start: number, text: string) => ({
  ...{ chunkId: 'x', nodeId: '', text },
  metadata: { start, end: start + text.length },
});

describe('a document made again of its chunks', () => {
  it.each([
    ['building/flood-plan.md', true],
    ['makerspace/laser-cutter.md', true],
    ['ja/nihongo-collection.md', true],
    ['notices/closing-the-house.txt', true],
    ['software/tide-gate.ts', true],
    ['data/sorter-bins.json', true],
    ['data/incidents-2024.jsonl', true],
    ['data/library-of-things.csv', true],
    ['web/room-hire.html', false],
    ['policies/donations-and-gifts.docx', false],
    ['reports/annual-report-2024.pdf', false],
  ])('is cut as %s itself', async (file, isExact) => {
    const bytes = await readFile(new URL(`../../fixtures/documents/${file}`, import.meta.url));
    const documents = (await parseAll(basename(file), bytes)) as ParsedDocument[];
    expect(documents.length).toBeGreaterThan(0);
    for (const document of documents) {
      for (const [from, to] of [
        [
          { size: 128, overlap: 32 },
          { size: 64, overlap: 16 },
        ],
        [
          { size: 200, overlap: 0 },
          { size: 100, overlap: 20 },
        ],
      ] as const) {
        const told = { ...document, hash: hashOf(document.text) };
        const rebuilt = rebuildDocument(told, stored(document, from));
        expect(rebuilt?.isExact).toBe(isExact);
        expect(cut(rebuilt as CuttableText, to)).toEqual(cut(document, to));
      }
    }
  });

  it('has white space of the right length where nobody knows which', () => {
    const text = 'One.\t\u00a0Two.';
    const chunks = [chunkAt(0, 'One.'), chunkAt(6, 'Two.')];
    expect(rebuildText(chunks, hashOf(text))).toEqual({ text: 'One.\n\nTwo.\n', isExact: false });
  });

  it('gets the white space that its content hash proves', () => {
    for (const text of ['One.\n\nTwo.', ' One.\n Two.\n', '\nOne.\nTwo.\n\n', 'One. Two.\n']) {
      const [one, two] = [text.indexOf('One.'), text.indexOf('Two.')];
      const chunks = [chunkAt(one, 'One.'), chunkAt(two, 'Two.')];
      expect(rebuildText(chunks, hashOf(text))).toEqual({ text, isExact: true });
    }
  });

  it('takes text that chunks share once', () => {
    const chunks = [chunkAt(0, 'One. Two.'), chunkAt(5, 'Two. Three.')];
    expect(rebuildText(chunks, hashOf('One. Two. Three.'))?.text).toBe('One. Two. Three.');
  });

  it('is none where a chunk tells no place, or one that cannot be', () => {
    const one = chunkAt(0, 'One.');
    expect(rebuildText([], hashOf(''))).toBeUndefined();
    expect(rebuildText([one, { ...one, metadata: {} }], hashOf(''))).toBeUndefined();
    expect(rebuildText([one, chunkAt(-3, 'Two.')], hashOf(''))).toBeUndefined();
    expect(rebuildText([one, chunkAt(2_000_000_000, 'Two.')], hashOf(''))).toBeUndefined();
    expect(rebuildText([{ ...one, metadata: { start: 0, end: 9 } }], hashOf(''))).toBeUndefined();
  });
});
