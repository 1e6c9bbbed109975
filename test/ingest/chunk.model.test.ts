import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import { beforeAll, describe, expect, it } from 'vitest';
import { type ChunkOptions, chunkDocument } from '../../src/ingest/chunk.ts';
import type { ParsedDocument } from '../../src/ingest/parse/document.ts';
import { loadTokenizer, type TextTokenizer } from '../../src/text/count-tokens.ts';
import { modelConfig } from '../support/provisioned.ts';

let tokenizer: TextTokenizer;
let reference: Tokenizer;
beforeAll(() => {
  const path = join(modelConfig().dir, 'tokenizer.json');
  tokenizer = loadTokenizer(path);
  reference = new Tokenizer(JSON.parse(readFileSync(path, 'utf8')), {});
});

const documentOf = (text: string, title = 'A title'): ParsedDocument => ({
  source: 'test',
  title,
  contentType: 'text',
  text,
  blocks: [],
  metadata: {},
  wordCount: 0,
});
const optionsOf = (options: Partial<ChunkOptions> = {}): ChunkOptions => ({
  size: 128,
  overlap: 32,
  maxTokens: 256,
  tokenizer,
  documentPrefix: '',
  ...options,
});

describe('the tokenizer of the model', () => {
  it('gives what the library gives for the whole text, word by word', () => {
    const parts = [
      'Hello',
      ', ',
      "don't ",
      '\u00a0',
      '\ufeff',
      '\f',
      '\v',
      '\u200b',
      '\u0000',
      '\u2028',
      '漢字かな',
      'e\u0301',
      '\u0301',
      'İstanbul ',
      'ΟΔΟΣ ',
      'ΟΔΟΣ.',
      'ﬁ',
      '[CLS]',
      ' [SEP] ',
      '[unk]',
      '😀😀',
      '\ud800',
      '한국어 ',
      'a_b-c/d',
      '…',
      '12.5%',
      '\n',
      '\t',
      '##ing',
      'ß',
      'Ǆ',
      '  ',
    ];
    let state = 7;
    for (let round = 0; round < 3_000; round++) {
      let text = '';
      for (let n = 0; n < 12; n++) {
        state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
        text += parts[(state >>> 16) % parts.length] ?? '';
      }
      expect(tokenizer.encode(text), JSON.stringify(text)).toEqual(reference.encode(text).ids);
      expect(tokenizer.count(text)).toBe(reference.encode(text, { add_special_tokens: false }).ids.length);
    }
  });

  it('reads a very long word in parts, and any other as the library does', () => {
    const unknown = reference.encode('x'.repeat(101), { add_special_tokens: false }).ids;
    expect(tokenizer.encode('x'.repeat(101))).not.toContain(unknown[0]);
    expect(tokenizer.encode('x'.repeat(100))).toEqual(reference.encode('x'.repeat(100)).ids);
    expect(tokenizer.encode('각'.repeat(60))).not.toContain(unknown[0]);
  });
});

describe('chunks counted by the tokenizer of the model', () => {
  const english = 'Sessions expire after a day, unless they are renewed. Renewing takes one call. ';
  it.each([
    ['English', english.repeat(200)],
    ['no white space', 'QmFzZTY0IGlzIG5vdCBhIGxhbmd1YWdl'.repeat(3_000)],
    ['Chinese', '苟日新，日日新，又日新。'.repeat(500)],
    ['Thai', 'ภาษาไทยไม่มีช่องว่างระหว่างคำ'.repeat(300)],
    ['emoji', '👩‍👩‍👧‍👦🎉'.repeat(500)],
    ['one sentence', 'word and '.repeat(5_000)],
    ['punctuation', '!?., '.repeat(3_000)],
  ])('fit the model and lose nothing: %s', (_, text) => {
    let covered = 0;
    for (const chunk of chunkDocument(documentOf(text), optionsOf())) {
      expect(tokenizer.count(chunk.text)).toBeLessThanOrEqual(128);
      expect(tokenizer.encode(chunk.input).length).toBeLessThanOrEqual(256);
      expect(chunk.input).toBe(`A title\n${chunk.text}`);
      expect(text.slice(covered, Math.max(covered, chunk.start)).trim()).toBe('');
      covered = chunk.end;
    }
    expect(text.slice(covered).trim()).toBe('');
  });

  it('fill 128 tokens and repeat at most 32 of the chunk before', () => {
    const chunks = [...chunkDocument(documentOf(english.repeat(50)), optionsOf())];
    for (const [i, chunk] of chunks.slice(1).entries()) {
      const repeated = chunk.text.slice(0, (chunks[i]?.end ?? 0) - chunk.start);
      expect(tokenizer.count(repeated)).toBeLessThanOrEqual(32);
      expect(tokenizer.count(repeated)).toBeGreaterThan(0);
    }
    for (const chunk of chunks.slice(0, -1)) expect(tokenizer.count(chunk.text)).toBeGreaterThan(110);
  });

  it('shorten a title that is longer than the model reads', () => {
    const [chunk] = chunkDocument(documentOf(english.repeat(9), 'long title '.repeat(300)), optionsOf());
    expect(chunk?.input.startsWith('long title')).toBe(true);
    expect(tokenizer.encode(chunk?.input ?? '').length).toBeLessThanOrEqual(256);
  });

  it('take a text of 5 MB without gathering it', () => {
    let count = 0;
    let longest = 0;
    for (const chunk of chunkDocument(documentOf(english.repeat(64_000)), optionsOf())) {
      count++;
      longest = Math.max(longest, chunk.input.length);
    }
    expect(count).toBeGreaterThan(8_000);
    expect(longest).toBeLessThan(1_000);
  });
});
