import { describe, expect, it } from 'vitest';
import { type ChunkOptions, chunkDocument, isSurelyTooLong, type TextChunk } from '../../src/ingest/chunk.ts';
import type { Block, ParsedDocument } from '../../src/ingest/parse/document.ts';
import { fakeTokenizer } from '../support/fake-embedder.ts';

const defaults: ChunkOptions = {
  size: 16,
  overlap: 4,
  maxTokens: 64,
  tokenizer: fakeTokenizer,
  documentPrefix: '',
};

/** A document from blocks written as `kind: text`, headings as `#`, `##`, …; blocks are an empty line apart. */
function documentOf(parts: readonly string[], title = ''): ParsedDocument {
  let text = '';
  let path: string[] = [];
  const blocks: Block[] = [];
  for (const part of parts) {
    if (text) text += '\n\n';
    const heading = /^(#+) (.*)$/.exec(part);
    const [, kind, body] = heading
      ? []
      : (/^(paragraph|list-item|code|table|quote): ([\s\S]*)$/.exec(part) ?? []);
    if (heading) path = [...path.slice(0, (heading[1] ?? '').length - 1), heading[2] ?? ''];
    const content = heading ? part : (body ?? part);
    const blockKind = heading ? 'heading' : ((kind ?? 'paragraph') as Block['kind']);
    blocks.push({ kind: blockKind, start: text.length, end: text.length + content.length, headings: path });
    text += content;
  }
  return { source: 'test', title, contentType: 'markdown', text, blocks, metadata: {}, wordCount: 0 };
}

const plain = (text: string, title = ''): ParsedDocument => ({ ...documentOf([], title), text });
const chunksOf = (document: ParsedDocument, options: Partial<ChunkOptions> = {}) => [
  ...chunkDocument(document, { ...defaults, ...options }),
];
const texts = (chunks: readonly TextChunk[]) => chunks.map((chunk) => chunk.text);

it('knows of a text that is too long for so many chunks before it is cut, not counting white space', () => {
  const limits = { size: 10, maxChunks: 2 };
  expect(isSurelyTooLong('x'.repeat(481), limits)).toBe(true);
  expect(isSurelyTooLong('x'.repeat(480), limits)).toBe(false);
  expect(isSurelyTooLong('x \n\u3000'.repeat(480), limits)).toBe(false);
  for (const letter of ['x', 'ä', '字', 'x,']) {
    const { length } = chunksOf(plain(letter.repeat(481)), { size: 10 });
    expect(length).toBeGreaterThan(2);
  }
});

describe('chunkDocument', () => {
  it('gives a short document as one chunk', () => {
    expect(chunksOf(plain('  One line.\n'))).toEqual([
      { index: 0, text: 'One line.', start: 2, end: 11, headings: [], input: 'One line.' },
    ]);
  });

  it.each(['', ' \n\t\n '])('gives no chunks for %j', (text) => {
    expect(chunksOf(plain(text))).toEqual([]);
    expect(chunksOf(plain(text, 'A title'))).toEqual([]);
  });

  it('fills chunks with whole sentences and repeats the last ones of the chunk before', () => {
    const text =
      'One two three four five. Six seven. Eight nine ten eleven. Twelve thirteen fourteen. Last one.';
    expect(texts(chunksOf(plain(text), { overlap: 5 }))).toEqual([
      'One two three four five. Six seven. Eight nine ten eleven.',
      'Eight nine ten eleven. Twelve thirteen fourteen. Last one.',
    ]);
  });

  it('repeats the last words where no sentence is short enough', () => {
    const text =
      'One two three four five six seven eight nine ten eleven twelve. The next sentence has more words.';
    expect(texts(chunksOf(plain(text)))).toEqual([
      'One two three four five six seven eight nine ten eleven twelve.',
      'ten eleven twelve. The next sentence has more words.',
    ]);
  });

  it('repeats nothing when no overlap is asked for', () => {
    const chunks = chunksOf(plain('a b c d. '.repeat(20)), { overlap: 0 });
    expect(chunks.every((chunk, i) => chunk.start >= (chunks[i - 1]?.end ?? 0))).toBe(true);
    expect(chunks).toHaveLength(7);
  });

  it('starts a section in a chunk of its own, without overlap', () => {
    const document = documentOf([
      '# Cats',
      'Cats sleep most of the day.',
      '# Dogs',
      'Dogs do not sleep much.',
    ]);
    expect(texts(chunksOf(document))).toEqual([
      '# Cats\n\nCats sleep most of the day.',
      '# Dogs\n\nDogs do not sleep much.',
    ]);
  });

  it('keeps a very small section together with the next one below the same heading', () => {
    const document = documentOf(['# A', '## B', 'Hi.', '## C', 'This follows it.', '# D', 'Other.']);
    const chunks = chunksOf(document, { size: 32 });
    expect(texts(chunks)).toEqual(['# A\n\n## B\n\nHi.\n\n## C\n\nThis follows it.', '# D\n\nOther.']);
    expect(chunks.map((chunk) => chunk.headings)).toEqual([['A'], ['D']]);
  });

  it('never ends a chunk with a heading', () => {
    const sentence = 'One two three four five six seven.';
    const document = documentOf([
      '# A',
      sentence,
      '## B',
      sentence,
      sentence,
      '## C',
      '### D',
      sentence,
      '# E',
      sentence,
    ]);
    for (let size = 16; size < 60; size++) {
      for (const chunk of chunksOf(document, { size, overlap: 2 })) expect(chunk.text).not.toMatch(/# \w$/);
    }
  });

  it('gives a heading with nothing below it to what follows, and keeps the last one', () => {
    const chunks = chunksOf(documentOf(['# Empty', '# Full', 'Some words here.', '# Last']), { size: 9 });
    expect(texts(chunks)).toEqual(['# Empty\n\n# Full\n\nSome words here.', '# Last']);
    expect(chunks.map((chunk) => chunk.headings)).toEqual([['Full'], ['Last']]);
  });

  it('rather ends a chunk between paragraphs than within one', () => {
    const document = documentOf([
      'One two three four. Five six seven eight.',
      'Nine ten eleven twelve. And on it goes.',
    ]);
    expect(texts(chunksOf(document, { overlap: 0 }))).toEqual([
      'One two three four. Five six seven eight.',
      'Nine ten eleven twelve. And on it goes.',
    ]);
  });

  it('cuts code and tables between lines', () => {
    const lines = Array.from({ length: 12 }, (_, n) => `row ${n} . value`);
    for (const kind of ['code', 'table']) {
      const chunks = chunksOf(documentOf([`${kind}: ${lines.join('\n')}`]));
      for (const chunk of chunks) {
        for (const line of chunk.text.split('\n')) expect(lines).toContain(line);
      }
      expect(chunks.length).toBeGreaterThan(2);
    }
  });

  it('cuts a sentence that is too long at commas, then at words', () => {
    const clause = 'one two three four five six seven eight nine ten eleven twelve thirteen,';
    const chunks = chunksOf(plain(`${clause} ${clause} ${clause} end.`), { overlap: 0 });
    expect(texts(chunks)).toEqual([clause, clause, `${clause} end.`]);
    const endless = chunksOf(plain('word '.repeat(100)), { overlap: 0 });
    expect(endless.map((chunk) => fakeTokenizer.count(chunk.text))).toEqual([16, 16, 16, 16, 16, 16, 4]);
  });

  it('cuts what has no white space without breaking a character apart', () => {
    const family = '👩‍👩‍👧‍👦';
    const accented = 'e\u0301';
    for (const character of ['漢', '😀', family, accented, '각', 'न्दि']) {
      const chunks = chunksOf(plain(character.repeat(400)), { overlap: 0 });
      expect(chunks.length).toBeGreaterThan(1);
      expect(chunks.map((chunk) => chunk.text).join('')).toBe(character.repeat(400));
      for (const chunk of chunks) expect(chunk.text.length % character.length).toBe(0);
    }
  });

  it('takes text that tokens do not measure: padding, control characters, accents upon accents', () => {
    for (const text of [
      `a${' '.repeat(50_000)}b`,
      '\u0000'.repeat(50_000),
      '\u200b'.repeat(50_000),
      `a${'\u0301'.repeat(50_000)}`,
      '\ud800'.repeat(5_000),
    ]) {
      const chunks = chunksOf(plain(text));
      checkRules(plain(text), chunks, defaults);
      for (const chunk of chunks) expect(chunk.text.length).toBeLessThanOrEqual(16 * 24);
    }
  });

  it('carries the page that a chunk starts on', () => {
    const document = documentOf([
      'One two three four five six seven.',
      'Eight nine ten eleven twelve thirteen fourteen.',
    ]);
    const blocks = document.blocks.map((block, i) => ({ ...block, page: i + 3 }));
    expect(chunksOf({ ...document, blocks }, { size: 9, overlap: 0 }).map((chunk) => chunk.page)).toEqual([
      3, 4,
    ]);
  });

  it('holds text that no block claims', () => {
    const document = {
      ...plain('Lost. # Here\n\nWords.\n\nAfter.'),
      blocks: [{ kind: 'heading' as const, start: 6, end: 12, headings: ['Here'] }],
    };
    expect(texts(chunksOf(document)).join(' | ')).toBe('Lost. # Here\n\nWords.\n\nAfter.');
  });
});

describe('the embedded input', () => {
  it('puts title and headings before the text, leaving out what the text says itself', () => {
    const document = documentOf(
      ['# Guide', '## Setup', 'a b c d e f g h i j k l m n o. p q r s t u v w.'],
      'Guide',
    );
    const [first, second] = chunksOf(document, { overlap: 0 });
    expect(first?.input).toBe('# Guide\n\n## Setup\n\na b c d e f g h i j k');
    expect(second?.input.startsWith('Guide\nSetup\nl m n o.')).toBe(true);
    expect(second?.headings).toEqual(['Guide', 'Setup']);
  });

  it('gives up outer headings first, then inner ones, then the end of the title, never text', () => {
    const text = 'one two three four five six';
    const document = documentOf(
      ['# Outer part', '## Inner part', 'filler filler filler filler filler.', text],
      'The long title of it',
    );
    const inputOf = (maxTokens: number) =>
      chunksOf(document, { size: 9, overlap: 0, maxTokens }).find((chunk) => chunk.text === text)?.input;
    expect(inputOf(40)).toBe(`The long title of it\nOuter part\nInner part\n${text}`);
    expect(inputOf(16)).toBe(`The long title of it\nInner part\n${text}`);
    expect(inputOf(14)).toBe(`The long title of it\n${text}`);
    expect(inputOf(12)).toBe(`The long\n${text}`);
    expect(inputOf(9)).toBe(`The\n${text}`);
  });

  it('leaves room for the document prefix of the model', () => {
    const chunks = chunksOf(plain('word '.repeat(60), 'A title'), {
      maxTokens: 12,
      documentPrefix: 'passage : ',
      size: 50,
    });
    for (const { text, input } of chunks) {
      expect(input.endsWith(text)).toBe(true);
      expect(fakeTokenizer.encode(`passage : ${input}`).length).toBeLessThanOrEqual(12);
    }
    expect(fakeTokenizer.count(chunks[0]?.text ?? '')).toBe(8);
  });
});

describe('chunk options', () => {
  it.each([{ size: 0 }, { overlap: 16 }, { overlap: -1 }, { maxTokens: 2 }, { maxTokens: 8, overlap: 6 }])(
    'are refused when no chunk can be made with them: %j',
    (options) => {
      expect(() => chunksOf(plain('text'), options)).toThrow(
        expect.objectContaining({ code: 'invalid_input' }),
      );
    },
  );
});

describe('chunks of any document', () => {
  it('hold every character but white space, in order, within the limits, the same each time', () => {
    for (let seed = 1; seed <= 300; seed++) {
      const random = randomFrom(seed);
      const document = randomDocument(random);
      const size = 6 + Math.floor(random() * 60);
      const options = {
        ...defaults,
        size,
        overlap: Math.floor(random() * size),
        maxTokens: size + 3 + Math.floor(random() * 30),
      };
      const chunks = chunksOf(document, options);
      checkRules(document, chunks, options);
      expect(chunksOf(document, options)).toEqual(chunks);
    }
  });
});

function checkRules(document: ParsedDocument, chunks: readonly TextChunk[], options: ChunkOptions): void {
  let covered = 0;
  for (const [i, chunk] of chunks.entries()) {
    expect(chunk.index).toBe(i);
    expect(chunk.text).toBe(document.text.slice(chunk.start, chunk.end));
    expect(chunk.text).toBe(chunk.text.trim());
    expect(chunk.input.endsWith(chunk.text)).toBe(true);
    expect(options.tokenizer.count(chunk.text)).toBeLessThanOrEqual(options.size);
    expect(options.tokenizer.encode(options.documentPrefix + chunk.input).length).toBeLessThanOrEqual(
      options.maxTokens,
    );
    const before = chunks[i - 1];
    if (before) {
      expect(chunk.start).toBeGreaterThan(before.start);
      expect(chunk.end).toBeGreaterThan(before.end);
      const repeated = document.text.slice(chunk.start, before.end);
      expect(options.tokenizer.count(repeated)).toBeLessThanOrEqual(options.overlap);
    }
    expect(document.text.slice(covered, Math.max(covered, chunk.start)).trim()).toBe('');
    covered = Math.max(covered, chunk.end);
  }
  expect(document.text.slice(covered).trim()).toBe('');
}

/** Numbers from 0 to 1 that are the same for the same seed. */
function randomFrom(seed: number): () => number {
  let state = seed * 0x9e3779b1;
  return () => {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x6d2b79f5;
    return ((state ^ (state >>> 14)) >>> 0) / 2 ** 32;
  };
}

function randomDocument(random: () => number): ParsedDocument {
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)] as T;
  const kinds = ['paragraph', 'list-item', 'code', 'table', 'table-row', 'quote', 'heading'] as const;
  const bits = [
    'word',
    'a',
    'Dr.',
    'end.',
    'is it?',
    ',',
    '漢字。',
    '😀',
    '\n',
    ' ',
    '\n\n',
    '\u00a0',
    'x'.repeat(70),
    '한국어',
    'e\u0301',
    '3.14',
    '- ',
    '\u0000',
    '١٢',
    '„Zitat“',
  ];
  const blocks: Block[] = [];
  let text = pick(['', ' ', 'Lead in. ', '\n\n']);
  let headings: readonly string[] = [];
  for (let n = Math.floor(random() * 14); n > 0; n--) {
    const kind = pick(kinds);
    const start = text.length;
    for (let words = Math.floor(random() * random() * 90); words >= 0; words--)
      text += pick(bits) + pick([' ', ' ', '']);
    if (kind === 'heading')
      headings = [...headings.slice(0, Math.floor(random() * 3)), text.slice(start, start + 30)];
    blocks.push({ kind, start, end: text.length, headings });
    text += pick(['', '\n', '\n\n', ' between. ', ' ']);
  }
  return {
    source: 'random',
    title: pick(['', 'A title', 'word '.repeat(90)]),
    contentType: 'text',
    text,
    blocks,
    metadata: {},
    wordCount: 0,
  };
}
