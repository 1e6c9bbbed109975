import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTokenizer, loadTokenizer } from '../../src/text/count-tokens.ts';

const words = ['hello', 'world', 'em', '##bed', '##ding', ',', '.', 'a', '##a', '##b'];
const wordPiece = {
  version: '1.0',
  added_tokens: ['[PAD]', '[UNK]', '[CLS]', '[SEP]'].map((content, id) => ({
    id,
    content,
    special: true,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
  })),
  normalizer: {
    type: 'BertNormalizer',
    clean_text: true,
    handle_chinese_chars: true,
    strip_accents: null,
    lowercase: true,
  },
  pre_tokenizer: { type: 'BertPreTokenizer' },
  post_processor: {
    type: 'TemplateProcessing',
    single: [
      { SpecialToken: { id: '[CLS]', type_id: 0 } },
      { Sequence: { id: 'A', type_id: 0 } },
      { SpecialToken: { id: '[SEP]', type_id: 0 } },
    ],
    pair: [],
    special_tokens: {
      '[CLS]': { id: '[CLS]', ids: [2], tokens: ['[CLS]'] },
      '[SEP]': { id: '[SEP]', ids: [3], tokens: ['[SEP]'] },
    },
  },
  decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
  model: {
    type: 'WordPiece',
    unk_token: '[UNK]',
    continuing_subword_prefix: '##',
    max_input_chars_per_word: 100,
    vocab: Object.fromEntries(['[PAD]', '[UNK]', '[CLS]', '[SEP]', ...words].map((word, id) => [word, id])),
  },
};

/** Splits like a byte-pair tokenizer that sees white space, so that words cannot be counted one by one. */
const whole = {
  ...wordPiece,
  normalizer: null,
  post_processor: null,
  pre_tokenizer: null,
  decoder: null,
  model: {
    type: 'BPE',
    unk_token: '[UNK]',
    vocab: { '[PAD]': 0, '[UNK]': 1, '[CLS]': 2, '[SEP]': 3, a: 4, ' ': 5, 'a ': 6 },
    merges: [['a', ' ']],
  },
};

describe('createTokenizer', () => {
  const tokenizer = createTokenizer(wordPiece);

  it('gives the ids of word pieces between the special tokens', () => {
    expect(tokenizer.encode('Hello, embedding world.')).toEqual([2, 4, 9, 6, 7, 8, 5, 10, 3]);
    expect(tokenizer.encode('')).toEqual([2, 3]);
    expect(tokenizer.specialTokens).toBe(2);
  });

  it('counts tokens without the special ones', () => {
    expect(tokenizer.count('Hello, embedding world.')).toBe(7);
    expect(tokenizer.count(' \n\t\u00a0\u2003 ')).toBe(0);
    expect(tokenizer.count('')).toBe(0);
  });

  it('gives equal ids for a text seen before, whatever came between', () => {
    const before = tokenizer.encode('hello embedding');
    for (let n = 0; n < 30_000; n++) tokenizer.count(`w${n}`);
    expect(tokenizer.encode('hello embedding')).toEqual(before);
  });

  it('reads a run of letters longer than the model takes for a word in parts instead of as one unknown', () => {
    const run = `a${'b'.repeat(5_000)}`;
    expect(tokenizer.count('ab'.repeat(50))).toBe(100);
    expect(tokenizer.encode('ab'.repeat(50))).not.toContain(1);
    expect(tokenizer.count(`${run} ${run}`)).toBeGreaterThan(200);
    expect(tokenizer.count('aaa '.repeat(3))).toBe(9);
  });

  it('counts a hundred thousand characters without white space', () => {
    expect(tokenizer.count('ab'.repeat(50_000))).toBe(100_000);
  });

  it('encodes the whole text with a tokenizer that looks across white space', () => {
    const other = createTokenizer(whole);
    expect(other.encode('a a')).toEqual([6, 4]);
    expect(other.count('a') + other.count(' ') + other.count('a')).toBe(3);
    expect(other.count('a a')).toBe(2);
    expect(other.specialTokens).toBe(0);
  });
});

describe('loadTokenizer', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'stacklore-tokenizer-'));
    writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify(wordPiece));
    writeFileSync(join(folder, 'tokenizer_config.json'), '{"model_max_length":256}');
    writeFileSync(join(folder, 'broken.json'), '{"model":');
    writeFileSync(join(folder, 'other.json'), '{"some":"json"}');
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('reads a tokenizer with or without its configuration', () => {
    const path = join(folder, 'tokenizer.json');
    expect(loadTokenizer(path).count('hello world')).toBe(2);
    expect(loadTokenizer(path, join(folder, 'tokenizer_config.json')).count('hello world')).toBe(2);
  });

  it.each(['broken.json', 'other.json', 'absent.json'])('refuses %s, naming it and what to do', (name) => {
    expect(() => loadTokenizer(join(folder, name))).toThrow(
      expect.objectContaining({ code: 'model_unavailable', message: expect.stringContaining(name) }),
    );
  });
});
