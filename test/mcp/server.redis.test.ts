import { ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Stacklore } from '../../src/stacklore.ts';
import { openTestLore } from '../support/lore.ts';
import { openTestClient, type TestClient } from '../support/mcp-client.ts';
import { usePrivateRedis } from '../support/redis.ts';

const redis = usePrivateRedis();
const READING = ['search', 'context', 'list_collections', 'get_document'];

let lore: Stacklore;
let reader: TestClient;
let writer: TestClient;
let limited: TestClient;

beforeAll(async () => {
  lore = openTestLore(redis);
  const fields = [
    { name: 'lang', type: 'tag' as const },
    { name: 'year', type: 'number' as const },
  ];
  await lore.ingestTexts(
    [
      { text: LOANS, source: 'loans.md', metadata: { lang: 'en', year: 2024, secret: 'undeclared' } },
      { text: '# Harbour\n\nThe pier closes at dusk.', source: 'harbour.md', metadata: { lang: 'fr' } },
    ],
    { collection: 'handbook', settings: { fields } },
  );
  await lore.ingestTexts([{ text: 'The vault code is renewed each loan.', source: 'vault.md' }], {
    collection: 'internal',
  });
  await lore.addFact({
    content: 'A loan lasts 21 days.',
    source: 'rules',
    category: 'library',
    confidence: 0.9,
  });
  reader = await openTestClient(lore);
  writer = await openTestClient(lore, { allowWrites: true });
  limited = await openTestClient(lore, { collections: ['handbook'], allowWrites: true });
});

const LOANS = '# Loans\n\nA loan lasts 21 days.\n\n## Renewal\n\nA loan can be renewed twice.';

describe('the list of tools', () => {
  const names = async ({ client }: TestClient) => (await client.listTools()).tools.map(({ name }) => name);

  it('holds no tool that writes unless writes are allowed', async () => {
    expect(await names(reader)).toEqual([...READING, 'search_facts']);
    expect(await names(writer)).toEqual([...READING, 'search_facts', 'add_fact', 'ingest_text']);
    await expect(reader.call('add_fact', { content: 'Anything.' })).rejects.toThrow(
      'There is no tool "add_fact"',
    );
    await expect(reader.call('constructor')).rejects.toThrow('There is no tool "constructor"');
  });

  it('holds no tool for facts where collections are named, unless told so', async () => {
    expect(await names(limited)).toEqual([...READING, 'ingest_text']);
    const withFacts = await openTestClient(lore, { collections: ['handbook'], facts: true });
    expect(await names(withFacts)).toEqual([...READING, 'search_facts']);
    const { isError, text } = await limited.call('context', { query: 'loan', facts: true });
    expect([isError, text]).toEqual([true, expect.stringContaining('facts')]);
  });

  it('tells which tools read and which replace what is there', async () => {
    const { tools } = await writer.client.listTools();
    const hints = tools.map(({ name, annotations }) => [
      name,
      annotations?.readOnlyHint,
      annotations?.destructiveHint,
    ]);
    expect(hints).toEqual([
      ...[...READING, 'search_facts'].map((name) => [name, true, undefined]),
      ['add_fact', false, false],
      ['ingest_text', false, true],
    ]);
  });

  it('describes the collections and the fields to filter by, and only visible ones', async () => {
    const describeSearch = async ({ client }: TestClient) => {
      const { tools } = await client.listTools();
      return tools.find(({ name }) => name === 'search')?.inputSchema.properties;
    };
    expect(await describeSearch(reader)).toMatchObject({
      collections: { description: expect.stringContaining('There are: handbook, internal.') },
      filter: {
        properties: { lang: { description: 'tag of handbook' }, year: { description: 'number of handbook' } },
      },
    });
    expect(await describeSearch(limited)).toMatchObject({
      collections: { description: expect.stringContaining('There are: handbook.') },
    });
  });

  it('is announced as changed when a collection was made or got a field', async () => {
    let announced = 0;
    const { client, call } = await openTestClient(lore, { allowWrites: true });
    client.setNotificationHandler(ToolListChangedNotificationSchema, () => {
      announced += 1;
    });
    const text = { text: 'A bench stands in the park.', source: 'park.md', collection: 'parks' };
    await call('ingest_text', { ...text, createCollection: true });
    expect(announced).toBe(1);
    await call('search', { query: 'bench' });
    expect(announced).toBe(1);
    await lore.addFields('parks', [{ name: 'bench_id', type: 'tag' }]);
    await call('search', { query: 'bench' });
    expect(announced).toBe(2);
    expect(JSON.stringify((await client.listTools()).tools)).toContain('tag of parks');
    await lore.dropCollection('parks');
  });

  it('lets the one who runs it know of a name that no collection has', async () => {
    const errors: unknown[] = [];
    const onError = (error: unknown) => void errors.push(error);
    await openTestClient(lore, { collections: ['handbook', 'handbok'], onError });
    expect(errors).toMatchObject([{ code: 'not_found', message: expect.stringContaining('"handbok"') }]);
  });

  it('is there, without fields, while the database is out of reach', async () => {
    const away = openTestLore(redis, { redisUrl: 'redis://127.0.0.1:1', connectTimeoutMs: 50 });
    const errors: unknown[] = [];
    const { client, call } = await openTestClient(away, { onError: (error) => errors.push(error) });
    expect((await client.listTools()).tools).toHaveLength(5);
    expect(errors).not.toEqual([]);
    const { isError, code, text } = await call('search', { query: 'loan' });
    expect({ isError, code }).toEqual({ isError: true, code: 'database_unreachable' });
    expect(text).toContain('Try again in a moment');
  });
});

describe('search', () => {
  it('gives passages with their places, as text and as data', async () => {
    const { text, data } = await reader.call('search', {
      query: 'renew a loan',
      collections: ['handbook'],
      topK: 1,
    });
    const [hit] = data.hits as [{ docId: string; text: string }];
    expect(hit).toMatchObject({
      ...{ collection: 'handbook', source: 'loans.md', title: 'Loans', start: 0, isCut: false },
      fields: { lang: 'en', year: 2024 },
    });
    expect(text).toContain('[1] Loans (loans.md)');
    expect(text).toContain(`docId ${hit.docId}, characters 0 to`);
    expect(text).toContain('A loan lasts 21 days.');
    expect(text).not.toContain('undeclared');
  });

  it('looks in all visible collections when none is named', async () => {
    const found = async ({ call }: TestClient) => {
      const { data } = await call('search', { query: 'loan' });
      return [...new Set((data.hits as { collection: string }[]).map(({ collection }) => collection))].sort();
    };
    expect(await found(reader)).toEqual(['handbook', 'internal']);
    expect(await found(limited)).toEqual(['handbook']);
  });

  it('obeys filters and offsets', async () => {
    const sources = async (input: object) => {
      const { data } = await reader.call('search', {
        query: 'loan pier',
        collections: ['handbook'],
        ...input,
      });
      return (data.hits as { source: string }[]).map(({ source }) => source);
    };
    expect(await sources({ filter: { lang: 'fr' } })).toEqual(['harbour.md']);
    const all = await sources({});
    expect(all).toHaveLength(2);
    expect(await sources({ offset: 1 })).toEqual(all.slice(1));
    const second = await reader.call('search', { query: 'loan pier', collections: ['handbook'], offset: 1 });
    expect(second.text).toMatch(/^\[2\]/);
  });

  it('says when nothing was found', async () => {
    const { text, data } = await reader.call('search', { query: 'zebra', mode: 'text' });
    expect(data.hits).toEqual([]);
    expect(text).toContain('Nothing found.');
  });

  it.each([
    ['no query', {}, 'invalid_input', 'query: must be text'],
    ['a blank query', { query: ' ' }, 'invalid_input', 'must hold something'],
    ['too many hits', { query: 'x', topK: 51 }, 'invalid_input', 'topK'],
    ['a number as text', { query: 'x', topK: '5' }, 'invalid_input', 'topK'],
    ['an unknown argument', { query: 'x', limit: 5 }, 'invalid_input', 'limit'],
    ['no collections', { query: 'x', collections: [] }, 'invalid_input', 'collections'],
    [
      'an unknown collection',
      { query: 'x', collections: ['nope'] },
      'not_found',
      'There are: handbook, internal.',
    ],
    ['a name no collection can have', { query: 'x', collections: ['../x'] }, 'not_found', 'There are: '],
    ['an unknown field', { query: 'x', filter: { nope: 1 } }, 'invalid_filter', 'list_collections'],
    ['an empty filter', { query: 'x', filter: {} }, 'invalid_filter', 'leave it out'],
    ['a filter that is no object', { query: 'x', filter: 'lang = en' }, 'invalid_input', 'filter'],
  ])('answers %s with an error that can be acted on', async (_what, input, code, says) => {
    const answer = await reader.call('search', input);
    expect(answer).toMatchObject({ isError: true, code, data: {} });
    expect(answer.text).toContain(`Error ${code}: `);
    expect(answer.text).toContain(says);
  });

  it('does not tell a hidden collection from an absent one', async () => {
    const hidden = await limited.call('search', { query: 'vault', collections: ['internal'] });
    const absent = await limited.call('search', { query: 'vault', collections: ['absentee'] });
    expect(hidden.isError).toBe(true);
    expect(hidden.text.replace('internal', 'absentee')).toBe(absent.text);
  });
});

describe('context', () => {
  it('gives one cited text under the budget and where to read on', async () => {
    const { text, data } = await reader.call('context', { query: 'renew a loan', maxTokens: 60 });
    expect(data.tokens).toBeLessThanOrEqual(60);
    expect(data.citations).toMatchObject([{ number: 1 }, { number: 2 }]);
    expect(text).toMatch(/^\[1\] /);
    expect(text).toMatch(/get_document:\n\[1\] docId [0-9a-f]{32}, characters 0 to \d+\n\[2\] docId /);
  });

  it('puts facts before the passages when asked', async () => {
    const { text, data } = await reader.call('context', { query: 'how many days lasts a loan', facts: true });
    expect(data.facts).toMatchObject([{ label: 'F1', source: 'rules' }]);
    expect(text).toContain('[F1] A loan lasts 21 days.');
  });

  it('refuses a budget beyond its limit', async () => {
    const { code, text } = await reader.call('context', { query: 'loan', maxTokens: 20_001 });
    expect([code, text]).toEqual(['invalid_input', expect.stringContaining('maxTokens')]);
  });
});

describe('list_collections', () => {
  it('tells documents and fields of what is visible', async () => {
    const { text, data } = await limited.call('list_collections');
    expect(data).toMatchObject({ collections: [{ name: 'handbook', documents: 2, language: 'english' }] });
    expect(text).toBe('handbook: documents 2, fields lang (tag), year (number)');
  });

  it('shows one that cannot be searched by text as such, and search passes it over', async () => {
    await lore.createCollection('vectors', { dimensions: 3 });
    expect((await reader.call('list_collections')).text).toContain(
      'vectors: documents 0, fields none of its own; cannot',
    );
    expect((await reader.call('search', { query: 'loan' })).isError).toBe(false);
    expect(await reader.call('search', { query: 'loan', collections: ['vectors'] })).toMatchObject({
      code: 'manifest_mismatch',
    });
    await lore.dropCollection('vectors');
  });

  it('tells that one of given vectors is searched by its words', async () => {
    const given = await lore.createCollection('given', { dimensions: 3, language: 'english' });
    const document = {
      docId: 'g',
      title: 'Given',
      source: 'g.md',
      contentType: 'text',
      wordCount: 2,
      hash: 'g',
    };
    await lore.documents.replace(
      given,
      document,
      [{ text: 'zeppelin flights' }],
      [new Float32Array([1, 0, 0])],
    );
    expect((await reader.call('list_collections')).text).toContain('search it by name, with mode text');
    const found = await reader.call('search', { query: 'zeppelin', collections: ['given'], mode: 'text' });
    expect(found.data.hits).toMatchObject([{ docId: 'g' }]);
    expect(found.text).toContain('(g.md)\ndocId g, collection given\n');
    await lore.dropCollection('given');
  });
});

describe('get_document', () => {
  const docIdOf = async (query: string) => {
    const { data } = await reader.call('search', { query, topK: 1 });
    return (data.hits as [{ docId: string }])[0].docId;
  };

  it('reads a text whole, or piece by piece', async () => {
    const docId = await docIdOf('renewed twice');
    const whole = await reader.call('get_document', { docId });
    expect(whole.data).toMatchObject({
      docId,
      text: LOANS,
      start: 0,
      end: LOANS.length,
      length: LOANS.length,
    });
    const first = await reader.call('get_document', { docId, maxLength: 20 });
    expect(first.text).toContain('[It goes on: call get_document with start 20.]');
    const second = await reader.call('get_document', { docId, start: 20 });
    expect(`${first.data.text}${second.data.text}`).toBe(LOANS);
  });

  it('refuses a start behind the end', async () => {
    const docId = await docIdOf('pier');
    expect(await reader.call('get_document', { docId, start: 5_000 })).toMatchObject({
      code: 'invalid_input',
    });
  });

  it('does not tell a document of a hidden collection from an absent one', async () => {
    const docId = await docIdOf('vault code');
    expect((await reader.call('get_document', { docId })).text).toContain('The vault code');
    const hidden = await limited.call('get_document', { docId });
    const absent = await limited.call('get_document', { docId: 'absent' });
    expect(hidden).toMatchObject({ code: 'not_found' });
    expect(hidden.text.replace(docId, 'absent')).toBe(absent.text);
  });

  it('does not tell one that cannot be read, whosever it is, from an absent one', async () => {
    await lore.databases.knowledge.send(['HSET', 'doc:broken:metadata', 'collection', 'internal']);
    const broken = await limited.call('get_document', { docId: 'broken' });
    const absent = await limited.call('get_document', { docId: 'absent' });
    await lore.databases.knowledge.send(['DEL', 'doc:broken:metadata']);
    expect(broken.text.replace('broken', 'absent')).toBe(absent.text);
  });
});

describe('facts', () => {
  it('are found by meaning, with their source', async () => {
    const { text, data } = await reader.call('search_facts', {
      query: 'loan days',
      category: 'library',
      topK: 1,
    });
    expect(data.facts).toMatchObject([
      { content: 'A loan lasts 21 days.', confidence: 0.9, verified: false },
    ]);
    expect(text).toContain('A loan lasts 21 days. (rules, library, confidence 0.9)');
    expect((await reader.call('search_facts', { query: 'loan', verified: true })).text).toBe(
      'No facts found.',
    );
  });

  it('are added unverified, with those that say the same', async () => {
    const added = await writer.call('add_fact', { content: 'A loan lasts 21 days.', source: 'agent' });
    expect(added.data).toMatchObject({
      verified: false,
      source: 'agent',
      duplicates: [{ exact: true, similarity: 1 }],
    });
    expect(added.text).toContain('says the same.');
    expect((await lore.facts.get(String(added.data.factId))).content).toBe('A loan lasts 21 days.');
    expect(await writer.call('add_fact', { content: 'True.', verified: true })).toMatchObject({
      code: 'invalid_input',
    });
    expect(await writer.call('add_fact', { content: ' ' })).toMatchObject({ code: 'invalid_input' });
  });
});

describe('ingest_text', () => {
  const text = { text: 'Tickets are sold on board.', source: 'tickets.md', collection: 'handbook' };

  it('creates a document, keeps it as it is, and replaces it', async () => {
    const created = await writer.call('ingest_text', { ...text, metadata: { lang: 'en' }, title: 'Tickets' });
    expect(created.data).toMatchObject({
      status: 'created',
      chunks: 1,
      title: 'Tickets',
      collection: 'handbook',
    });
    const again = await writer.call('ingest_text', { ...text, metadata: { lang: 'en' }, title: 'Tickets' });
    expect(again.data).toMatchObject({ status: 'unchanged', docId: created.data.docId });
    const replaced = await writer.call('ingest_text', { ...text, text: 'Tickets are sold at the pier.' });
    expect(replaced.data).toMatchObject({ status: 'updated', docId: created.data.docId });
    const { data } = await writer.call('search', {
      query: 'tickets sold',
      collections: ['handbook'],
      topK: 1,
    });
    expect(data.hits).toMatchObject([{ text: 'Tickets are sold at the pier.' }]);
    await lore.documents.delete(String(created.data.docId));
  });

  it('keeps equal texts once', async () => {
    const { data, text: said } = await writer.call('ingest_text', { ...text, text: LOANS });
    expect(data).toMatchObject({ status: 'duplicate', chunks: 0 });
    expect(said).toContain(`equals that of document ${data.duplicateOf}`);
  });

  it('makes a collection only when told so', async () => {
    const misspelt = await writer.call('ingest_text', { ...text, collection: 'handbok' });
    expect(misspelt).toMatchObject({ code: 'not_found' });
    expect(misspelt.text).toContain('createCollection');
    expect(await lore.collections.find('handbok')).toBeUndefined();
  });

  it('neither writes into a hidden collection nor tells it from an absent one', async () => {
    const hidden = await limited.call('ingest_text', {
      ...text,
      collection: 'internal',
      createCollection: true,
    });
    const absent = await limited.call('ingest_text', {
      ...text,
      collection: 'absentee',
      createCollection: true,
    });
    expect(hidden).toMatchObject({ code: 'not_found' });
    expect(hidden.text.replace('internal', 'absentee')).toBe(absent.text);
    expect(await lore.documents.count('internal')).toBe(1);
    expect(await lore.collections.find('absentee')).toBeUndefined();
  });

  it.each([
    ['no text', { text: '' }, 'invalid_input'],
    ['a text without words', { text: ' \n ' }, 'invalid_input'],
    ['a name no collection can have', { collection: '../x', createCollection: true }, 'invalid_input'],
    ['metadata that cannot be kept', { metadata: { lang: null } }, 'invalid_input'],
  ])('refuses %s', async (_what, input, code) => {
    expect(await writer.call('ingest_text', { ...text, ...input })).toMatchObject({ isError: true, code });
  });
});

it('names itself, its version and how to use it', () => {
  expect(reader.client.getServerVersion()).toMatchObject({ name: 'stacklore', version: '1.2.3' });
  expect(reader.client.getInstructions()).toContain('call context');
});
