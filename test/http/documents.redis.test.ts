import { beforeAll, describe, expect, test } from 'vitest';
import { collectionAnswer, collectionList } from '../../src/http/schemas/collections.ts';
import { chunkList, documentAnswer, documentList } from '../../src/http/schemas/documents.ts';
import { citationCheck, explanationAnswer } from '../../src/http/schemas/examine.ts';
import type { Stacklore } from '../../src/stacklore.ts';
import { expectFits } from '../support/fits.ts';
import { openTestLore } from '../support/lore.ts';
import { usePrivateRedis } from '../support/redis.ts';
import { useApi } from '../support/serve.ts';

const redis = usePrivateRedis();
let lore: Stacklore;
beforeAll(async () => {
  lore = openTestLore(redis);
  await lore.ingestTexts(
    [
      { source: 'guide/loans.md', docId: 'loans', text: '# Loans\n\nA loan lasts twenty one days.' },
      { source: 'guide/fees.md', docId: 'fees', text: '# Fees\n\nA late book costs ten cents a day.' },
      { source: 'plan.txt', docId: 'plan', contentType: 'text', text: 'Next year there are more shelves.' },
    ],
    { collection: 'library' },
  );
  const sections = Array.from(
    { length: 12 },
    (_, n) => `## Part ${n}\n\n${`Sentence of part ${n}. `.repeat(20)}`,
  );
  await lore.ingestTexts([{ source: 'long.md', docId: 'a/long one', text: sections.join('\n\n') }], {
    collection: 'long',
  });
});
const { ask } = useApi(() => lore, { runJobs: false });

interface Listed {
  readonly items: readonly { readonly docId: string; readonly index: number }[];
  readonly total: number;
}

async function idsOf(query: string): Promise<string[]> {
  const { body } = await ask<Listed>('GET', `/v1/documents?collection=library${query}`);
  return body.items.map(({ docId }) => docId).sort();
}

describe('GET /v1/documents', () => {
  test('lists a collection page by page', async () => {
    const first = await ask<Listed>('GET', '/v1/documents?collection=library&limit=2');
    const second = await ask<Listed>('GET', '/v1/documents?collection=library&limit=2&offset=2');
    expectFits(documentList, first.body);
    expect([first.body.total, first.body.items.length, second.body.items.length]).toEqual([3, 2, 1]);
    const ids = [...first.body.items, ...second.body.items].map(({ docId }) => docId);
    expect(ids.sort()).toEqual(['fees', 'loans', 'plan']);
  });

  test('goes on from where a page ended', async () => {
    const first = await ask<Listed & { next: string }>('GET', '/v1/documents?collection=library&limit=2');
    const after = encodeURIComponent(first.body.next);
    const second = await ask<Listed>('GET', `/v1/documents?collection=library&source=.&after=${after}`);
    expectFits(documentList, second.body);
    expect(second.body).toMatchObject({ total: 1, isTotalExact: true });
    expect(second.body).not.toHaveProperty('next');
    const ids = [...first.body.items, ...second.body.items].map(({ docId }) => docId);
    expect(ids.sort()).toEqual(['fees', 'loans', 'plan']);
  });

  test('lists those that fit every condition, and counts them', async () => {
    expect(await idsOf('&contentType=text')).toEqual(['plan']);
    expect(await idsOf('&source=GUIDE')).toEqual(['fees', 'loans']);
    expect(await idsOf('&title=loan&contentType=markdown')).toEqual(['loans']);
    expect(await idsOf('&title=loan&contentType=text')).toEqual([]);
    const { body } = await ask<Listed>('GET', '/v1/documents?collection=library&source=guide&limit=1');
    expect([body.items.length, body.total]).toEqual([1, 2]);
  });

  test('lists by the time of the last update', async () => {
    const { updatedAt } = await lore.documents.get('loans');
    const second = 1_000 * Math.floor(updatedAt.getTime() / 1_000);
    const at = (ms: number) => new Date(ms).toISOString();
    expect(await idsOf(`&updatedAfter=${at(second)}&updatedBefore=${at(second + 1_000)}`)).toContain('loans');
    expect(await idsOf(`&updatedBefore=${at(second)}`)).not.toContain('loans');
    expect(await idsOf(`&updatedAfter=${at(second + 60_000)}&source=guide`)).toEqual([]);
  });

  test.each([
    'limit=0',
    'limit=1001',
    'offset=-1',
    'limit=x',
    'updatedAfter=yesterday',
    'colour=red',
    'source=',
    'after=yesterday',
  ])('refuses ?%s', async (query) => {
    const answer = await ask('GET', `/v1/documents?collection=library&${query}`);
    expect(answer.body).toMatchObject({ status: 400, code: 'invalid_input' });
    expect(answer.body.detail).toContain(query.split('=')[0]);
  });

  test('tells of a collection that is not there', async () => {
    expect((await ask('GET', '/v1/documents?collection=nowhere')).status).toBe(404);
  });
});

describe('a document', () => {
  test('is given with its metadata, whatever characters its id has', async () => {
    const { status, body } = await ask('GET', `/v1/documents/${encodeURIComponent('a/long one')}`);
    expect(status).toBe(200);
    expectFits(documentAnswer, body);
    expect(body).toMatchObject({ docId: 'a/long one', source: 'long.md', collection: 'long' });
  });

  test('gives its chunks page by page, each with its place', async () => {
    const path = `/v1/documents/${encodeURIComponent('a/long one')}/chunks`;
    const { chunkCount } = await lore.documents.get('a/long one');
    expect(chunkCount).toBeGreaterThan(5);
    const all = await ask<Listed>('GET', path);
    expectFits(chunkList, all.body);
    expect(all.body.total).toBe(chunkCount);
    const page = await ask<Listed>('GET', `${path}?offset=3&limit=2`);
    expect(page.body).toEqual({ items: all.body.items.slice(3, 5), total: chunkCount });
    expect(page.body.items[0]).toMatchObject({ index: 3, metadata: { source: 'long.md' } });
    expect(page.body.items[0]).toHaveProperty('start');
    expect((await ask<Listed>('GET', `${path}?offset=500`)).body).toEqual({ items: [], total: chunkCount });
  });

  test('is deleted with its chunks, once', async () => {
    await lore.ingestTexts([{ source: 'gone.md', docId: 'gone', text: 'Soon gone.' }], {
      collection: 'library',
    });
    const answers = [await ask('DELETE', '/v1/documents/gone'), await ask('DELETE', '/v1/documents/gone')];
    expect(answers[0]?.body).toEqual({ docId: 'gone', deleted: 1 });
    expect(answers[1]?.status).toBe(404);
    expect(await lore.documents.find('gone')).toBeUndefined();
  });
});

describe('collections', () => {
  test('are listed with what they hold', async () => {
    const { body } = await ask('GET', '/v1/collections');
    expectFits(collectionList, body);
    expect(body.items).toMatchObject([
      { name: 'library', documents: 3, chunks: 3, indexState: 'ready' },
      { name: 'long', documents: 1 },
    ]);
  });

  test('are listed beside one that cannot be read, which is named with the reason', async () => {
    await lore.createCollection('odd', { dimensions: 4 });
    const key = 'stacklore:collection:odd';
    await lore.databases.knowledge.send(['HSET', key, 'manifest', '{}']);
    const { status, body } = await ask('GET', '/v1/collections');
    expect(status).toBe(200);
    expectFits(collectionList, body);
    expect(body.items).toMatchObject([{ name: 'library' }, { name: 'long' }]);
    const problem = expect.stringContaining('cannot be used');
    expect(body.unreadable).toEqual([{ name: 'odd', key, problem }]);
    expect(await ask('GET', '/v1/status')).toMatchObject({
      status: 200,
      body: { unreadableCollections: [{ name: 'odd', problem }] },
    });
    expect(await ask('GET', '/v1/collections/odd')).toMatchObject({
      status: 422,
      body: { code: 'record_invalid' },
    });
    await lore.databases.knowledge.send(['UNLINK', key]);
  });

  test('are made, told of and deleted', async () => {
    const made = await ask('POST', '/v1/collections', {
      body: { name: 'notes', chunkSize: 64, chunkOverlap: 8, fields: [{ name: 'topic', type: 'tag' }] },
    });
    expect([made.status, made.headers.location]).toEqual([201, '/v1/collections/notes']);
    const told = await ask('GET', '/v1/collections/notes');
    expectFits(collectionAnswer, told.body);
    expect(told.body).toEqual(made.body);
    expect(told.body.manifest).toMatchObject({ chunker: { size: 64 }, fields: [{ name: 'topic' }] });
    expect((await ask('POST', '/v1/collections', { body: { name: 'notes' } })).status).toBe(409);
    expect((await ask('DELETE', '/v1/collections/notes')).body).toEqual({ deleted: 0 });
    expect((await ask('GET', '/v1/collections/notes')).status).toBe(404);
  });

  test.each([
    [{ name: 'a b' }, 'cannot name a collection'],
    [{ name: 'x', chunkSize: 1 }, 'chunkSize'],
    [{ name: 'x', colour: 'red' }, 'colour'],
    [{}, 'name'],
  ])('are not made from %j', async (body, said) => {
    const answer = await ask('POST', '/v1/collections', { body });
    expect([answer.status, answer.body.code]).toEqual([400, 'invalid_input']);
    expect(answer.body.detail).toContain(said);
  });
});

describe('what looks into answers', () => {
  test('explains where a document stands', async () => {
    const { status, body } = await ask('POST', '/v1/explain', {
      body: { query: 'how long is a loan?', collection: 'library', docId: 'loans' },
    });
    expect(status).toBe(200);
    expectFits(explanationAnswer, body);
    expect(body).toMatchObject({ docId: 'loans', outcome: 'found' });
  });

  test('checks a citation as a context gives it', async () => {
    const { citations } = await lore.context({ query: 'late book', collection: 'library', topK: 1 });
    const check = await ask('POST', '/v1/verify-citation', { body: citations[0] });
    expectFits(citationCheck, check.body);
    expect(check.body).toMatchObject({ docId: 'fees', status: 'unchanged', comparedWith: 'stored' });
    const gone = await ask('POST', '/v1/verify-citation', { body: { docId: 'none', text: 'A late book' } });
    expect(gone.body).toMatchObject({ docId: 'none', status: 'gone' });
    const wrong = await ask('POST', '/v1/verify-citation', { body: { docId: 'fees' } });
    expect([wrong.status, wrong.body.code]).toEqual([400, 'invalid_input']);
  });
});

describe('GET /v1/me', () => {
  test('tells what a caller may do', async () => {
    expect((await ask('GET', '/v1/me')).body).toEqual({ isKeyRequired: false });
  });
});
