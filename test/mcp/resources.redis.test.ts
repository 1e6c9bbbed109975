import type { Resource } from '@modelcontextprotocol/sdk/types.js';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Stacklore } from '../../src/stacklore.ts';
import { openTestLore } from '../support/lore.ts';
import { openTestClient, type TestClient } from '../support/mcp-client.ts';
import { usePrivateRedis } from '../support/redis.ts';

const redis = usePrivateRedis();
const ODD_ID = 'a/b?c=ü %7B#1';
const GUIDE = '# Guide\n\nThe reading room opens at nine.\n\n## Evenings\n\nIt closes late.';

let lore: Stacklore;
let all: TestClient;
let limited: TestClient;

beforeAll(async () => {
  lore = openTestLore(redis);
  const texts = (count: number, what: string) =>
    Array.from({ length: count }, (_, n) => ({ text: `${what} number ${n}.`, source: `${what}-${n}.md` }));
  await lore.ingestTexts(texts(130, 'bridge'), { collection: 'bridges' });
  await lore.ingestTexts([{ text: GUIDE, source: 'guide.md', docId: ODD_ID }], { collection: 'guides' });
  await lore.ingestTexts(texts(75, 'tower'), { collection: 'towers' });
  all = await openTestClient(lore);
  limited = await openTestClient(lore, { collections: ['guides'] });
});

async function listAll({ client }: TestClient): Promise<Resource[][]> {
  const pages: Resource[][] = [];
  let cursor: string | undefined;
  do {
    const page = await client.listResources(cursor === undefined ? {} : { cursor });
    pages.push(page.resources);
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return pages;
}

describe('the list of resources', () => {
  it('gives collections first and then every document once, in pages', async () => {
    const pages = await listAll(all);
    expect(pages.map(({ length }) => length)).toEqual([4 + 100, 100, 6]);
    const uris = pages.flat().map(({ uri }) => uri);
    expect(uris.slice(0, 2)).toEqual(['stacklore://collections', 'stacklore://collections/bridges']);
    expect(new Set(uris).size).toBe(4 + 130 + 1 + 75);
  });

  it('tells title, source and type of a document', async () => {
    const [page = []] = await listAll(limited);
    expect(page.map(({ uri }) => uri)).toEqual([
      'stacklore://collections',
      'stacklore://collections/guides',
      `stacklore://documents/${encodeURIComponent(ODD_ID)}`,
    ]);
    expect(page[2]).toMatchObject({ name: 'guide.md', title: 'Guide', mimeType: 'text/markdown' });
  });

  it('goes on with the next collection where that of the cursor is gone', async () => {
    await lore.ingestTexts([{ text: 'A short lived text.', source: 'x.md' }], { collection: 'gone' });
    const cursor = Buffer.from(JSON.stringify({ collection: 'gone', offset: 0 })).toString('base64url');
    await lore.dropCollection('gone');
    const { resources } = await all.client.listResources({ cursor });
    expect(resources[0]?.title).toBe('Guide');
    expect(resources).toHaveLength(76);
  });

  it.each(['', 'x', 'bnVsbA', Buffer.from('{"collection":"guides","offset":-1}').toString('base64url')])(
    'refuses the cursor "%s"',
    async (cursor) => {
      await expect(all.client.listResources({ cursor })).rejects.toMatchObject({ code: -32_602 });
    },
  );
});

describe('reading a resource', () => {
  const read = async ({ client }: TestClient, uri: string) =>
    (await client.readResource({ uri })).contents[0];

  it('gives the text of a document, made of its chunks, with title and source', async () => {
    const uri = `stacklore://documents/${encodeURIComponent(ODD_ID)}`;
    expect(await read(all, uri)).toEqual({
      ...{ uri, mimeType: 'text/markdown' },
      text: `Title: Guide\nSource: guide.md\n\n${GUIDE}`,
    });
  });

  it('cuts a very long text and tells how to read on', async () => {
    const text = 'The river is long and slow here. '.repeat(15_000);
    await lore.ingestTexts([{ text, source: 'river.md', docId: 'river' }], { collection: 'rivers' });
    const contents = (await read(all, 'stacklore://documents/river')) as { text: string };
    expect(contents.text.length).toBeLessThan(text.length);
    expect(contents.text).toMatch(/call get_document with docId river and start 400000\.\]$/);
    await lore.dropCollection('rivers');
  });

  it('gives collections as JSON', async () => {
    const contents = (await read(all, 'stacklore://collections/guides')) as { text: string };
    expect(JSON.parse(contents.text)).toMatchObject({ name: 'guides', documents: 1 });
    const list = (await read(limited, 'stacklore://collections')) as { text: string };
    expect(JSON.parse(list.text)).toMatchObject([{ name: 'guides' }]);
  });

  it.each([
    'stacklore://documents/absent',
    'stacklore://documents/',
    'stacklore://documents/%E0%A4%A',
    'stacklore://documents/a/b',
    'stacklore://collections/absent',
    'stacklore://facts/x',
    'file:///etc/passwd',
    'nonsense',
  ])('finds nothing at %s', async (uri) => {
    await expect(all.client.readResource({ uri })).rejects.toMatchObject({ code: -32_002, data: { uri } });
  });

  it('finds nothing of a hidden collection', async () => {
    const { items } = await lore.documents.list('towers', { limit: 1 });
    const uri = `stacklore://documents/${items[0]?.docId}`;
    expect(await read(all, uri)).toMatchObject({ uri });
    await expect(limited.client.readResource({ uri })).rejects.toMatchObject({ code: -32_002 });
    const hidden = limited.client.readResource({ uri: 'stacklore://collections/towers' });
    await expect(hidden).rejects.toMatchObject({ code: -32_002 });
  });

  it('fails with our code where the database is out of reach', async () => {
    const away = openTestLore(redis, { redisUrl: 'redis://127.0.0.1:1', connectTimeoutMs: 50 });
    const { client } = await openTestClient(away);
    await expect(client.listResources()).rejects.toMatchObject({ data: { code: 'database_unreachable' } });
  });
});

describe('templates', () => {
  const complete = async ({ client }: TestClient, uri: string, [name, value]: [string, string]) => {
    const ref = { type: 'ref/resource' as const, uri };
    return (await client.complete({ ref, argument: { name, value } })).completion;
  };

  it('are those of documents and collections', async () => {
    const { resourceTemplates } = await all.client.listResourceTemplates();
    expect(resourceTemplates.map(({ uriTemplate }) => uriTemplate)).toEqual([
      'stacklore://documents/{docId}',
      'stacklore://collections/{collection}',
    ]);
  });

  it('complete names and ids that are visible', async () => {
    const collection = 'stacklore://collections/{collection}';
    const document = 'stacklore://documents/{docId}';
    expect((await complete(all, collection, ['collection', 'b'])).values).toEqual(['bridges']);
    expect((await complete(limited, collection, ['collection', 'b'])).values).toEqual([]);
    expect((await complete(all, document, ['docId', 'a/'])).values).toEqual([ODD_ID]);
    expect(await complete(all, document, ['docId', ''])).toMatchObject({ total: 206, hasMore: true });
    expect((await complete(all, document, ['nope', ''])).values).toEqual([]);
  });
});
