import { beforeAll, describe, expect, it } from 'vitest';
import { StackloreError } from '../src/errors.ts';
import type { Stacklore } from '../src/stacklore.ts';
import { openTestLore } from './support/lore.ts';
import { usePrivateRedis } from './support/redis.ts';

const redis = usePrivateRedis();
let lore: Stacklore;

beforeAll(async () => {
  lore = openTestLore(redis);
  await lore.ingestTexts([{ text: '# Anchor\n\nAn anchor holds the ship.', source: 'anchor.md' }], {
    settings: { fields: [{ name: 'lang', type: 'tag' }] },
  });
});

/** What people, other programs and attackers put where a text is expected. */
const TEXTS = [
  ...[
    '',
    ' ',
    '\t\r\n',
    '\u00a0\u2003\ufeff',
    'the',
    'the and of to',
    '…',
    '-',
    '--',
    '|',
    '*',
    '**',
    '~',
    '%%%',
  ],
  ...[
    '@field:{x}',
    '@text:(the|is|x)',
    '@year:[-inf +inf]',
    '(',
    ')',
    '((((',
    '{',
    '}',
    '[',
    '"',
    "'",
    '`',
    '\\',
    '\\\\',
  ],
  ...[
    '$eq',
    '$k',
    '$vector',
    '{"$ne":null}',
    '=>[KNN 1 @embedding $v]',
    "w'*'",
    '%25',
    '%3A',
    'a:b',
    'a/b',
    '../../etc',
  ],
  ...[
    '*=>[KNN 99999999999 @embedding $vector]',
    'LIMIT 0 999999999',
    "'; DROP INDEX docs; --",
    '<script>alert(1)</script>',
  ],
  ...[
    '\u0000',
    'a\u0000b',
    '\u0001\u0007\u001f\u007f',
    'a\r\nFLUSHALL\r\n',
    '\u001b[31m',
    '\ud800',
    '\udc00\ud800',
    'a\uffff',
  ],
  ...[
    '🙂🙃👩‍👩‍👧‍👦🏴󠁧󠁢󠁳󠁣󠁴󠁿',
    'مرحبا بالعالم',
    '\u202egnirts desrever',
    '日本語の文章です。',
    '한국어',
    'ไทย',
    'e\u0301\u0301\u0301',
    'İıſß',
  ],
  ...['__proto__', 'constructor', 'toString', 'null', 'undefined', 'NaN', '-0', '1e309', '0x10', 'true'],
  ...[
    'word '.repeat(20_000),
    'x'.repeat(100_000),
    '日'.repeat(33_334),
    '('.repeat(5_000),
    '\u0300'.repeat(5_000),
  ],
];
const named = TEXTS.map((text) => [JSON.stringify(text).slice(0, 40), text] as const);

/** The answer, or the error, which must be one of ours that blames the input and quotes little of it. */
const answered = async <T>(attempt: Promise<T>): Promise<T | undefined> => {
  const outcome = await attempt.catch((error: unknown) => error as Error);
  if (!(outcome instanceof Error)) return outcome;
  expect(outcome).toBeInstanceOf(StackloreError);
  expect(outcome).toMatchObject({ code: expect.stringMatching(/^(invalid_\w+|too_large|not_found)$/) });
  expect(outcome.message.length).toBeLessThan(1_000);
  return undefined;
};

describe('any text', () => {
  it.each(named)('is a question: %s', async (_, query) => {
    const found = await answered(lore.search({ query, topK: 3 }));
    if (found) expect(found.hits).toHaveLength(1);
    await answered(lore.context({ query, maxTokens: 50 }));
  });

  it.each(named)('is a value of a filter, which nothing matches: %s', async (_, text) => {
    for (const filter of [
      { lang: text },
      { source: { $in: [text, `${text}!`] } },
      { docId: text },
      { updated: { $gt: text } },
      { $or: [{ contentType: text }, { lang: { $eq: text } }] },
      { [text]: text },
    ]) {
      const found = await answered(lore.search({ query: 'anchor', filter }));
      if (found) expect(found.hits).toEqual([]);
    }
  });

  it.each(named)('is the name of a collection or a document: %s', async (_, text) => {
    await answered(lore.search({ query: 'anchor', collection: text }));
    await answered(lore.documents.get(text));
    await answered(lore.documents.delete(text));
    expect(await answered(lore.dropCollection(text))).toBeUndefined();
  });

  it.each(named)(
    'is a source, an id, a title, metadata and content, and comes back as it was: %s',
    async (_, text) => {
      const collection = 'texts';
      const note = `note ${text}`;
      const texts = [
        { text: `Before ${text} after`, source: `source ${text}`, title: text, metadata: { note } },
        { text: `Given ${text}`, source: 'given', docId: text, metadata: { lang: text } },
      ];
      const settings = { fields: [{ name: 'lang', type: 'tag' as const }] };
      const { counts, problems } = await lore.ingestTexts(texts, { collection, settings });
      expect(counts.created + counts.failed + counts.skipped).toBe(2);
      for (const { code } of problems) expect(code).toMatch(/^(invalid_input|too_large|unsupported_type)$/);
      for await (const { docId, source, metadata } of lore.documents.all(collection)) {
        await lore.documents.delete(docId);
        if (source === 'given') expect(docId).toBe(text);
        else if (text.isWellFormed()) expect([source, metadata]).toEqual([`source ${text}`, { note }]);
      }
      expect(await lore.documents.count(collection)).toBe(0);
    },
  );

  const findsByBackslash = async (source: string) => {
    const collection = 'backslashes';
    const bare = source.replaceAll('\\', '');
    for (const one of [source, `${source}\\`, bare]) {
      await lore.ingestTexts([{ text: `About ${one}`, source: `x${one}` }], { collection });
    }
    const { hits } = await lore.search({ query: 'about', collection, filter: { source: `x${source}` } });
    expect(hits.map((hit) => hit.source)).toEqual([`x${source}`]);
  };
  it.each(['C:\\docs\\a b.md', '\\', '\\\\host\\share', 'a\\ b', '\\-', 'a\\,b'])(
    'with a backslash is found by a filter for it, and only by that: %s',
    findsByBackslash,
  );

  it('leaves the server running with what it held', async () => {
    const { hits } = await lore.search({ query: 'what holds the ship?' });
    expect(hits.map(({ title }) => title)).toEqual(['Anchor']);
    const info = await lore.databases.knowledge.send<string>(['INFO', 'server']);
    expect(info).toContain(`process_id:${redis.pid}\r\n`);
    expect((await lore.collections.list()).items.map(({ name }) => name)).toEqual([
      'default',
      'texts',
      'backslashes',
    ]);
  });
});
