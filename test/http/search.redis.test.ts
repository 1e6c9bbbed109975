import { beforeAll, describe, expect, test } from 'vitest';
import { collectionMap, contextAnswer, searchAnswer } from '../../src/http/schemas/search.ts';
import type { Stacklore } from '../../src/stacklore.ts';
import { openTestLore } from '../support/lore.ts';
import { usePrivateRedis } from '../support/redis.ts';
import { useApi } from '../support/serve.ts';

const redis = usePrivateRedis();
let lore: Stacklore;
beforeAll(async () => {
  lore = openTestLore(redis);
  await lore.ingestTexts(
    [
      { source: 'loans.md', text: '# Loans\n\nA loan lasts twenty one days.' },
      { source: 'fees.md', text: '# Fees\n\nA late book costs ten cents a day.' },
    ],
    { collection: 'library' },
  );
  await lore.ingestTexts([{ source: 'boats.md', text: 'A boat has a keel.' }], { collection: 'harbour' });
});
const { ask } = useApi(() => lore);

describe('POST /v1/search', () => {
  test('gives what the library gives, and a schema that says so', async () => {
    const answer = await ask('POST', '/v1/search', {
      body: { query: 'how long is a loan?', collection: 'library', topK: 1, highlight: true },
    });
    expect(answer.status).toBe(200);
    expect(() => searchAnswer.strict().parse(answer.body)).not.toThrow();
    expect(answer.body.hits).toMatchObject([{ source: 'loans.md', collection: 'library' }]);
  });

  test('answers an equal question from the cache until the collection changes', async () => {
    const body = { query: 'what is a keel?', collection: 'harbour' };
    const [first, second] = [
      await ask('POST', '/v1/search', { body }),
      await ask('POST', '/v1/search', { body }),
    ];
    expect([first.headers['cache-status'], second.headers['cache-status']]).toEqual([
      'stacklore; fwd=miss',
      'stacklore; hit',
    ]);
    expect(second.body).toEqual(first.body);
    const known = await ask('POST', '/v1/search', {
      body,
      headers: { 'if-none-match': first.headers.etag ?? '' },
    });
    expect([known.status, known.text]).toEqual([304, '']);
    await lore.ingestTexts([{ source: 'masts.md', text: 'What is a keel to a mast?' }], {
      collection: 'harbour',
    });
    const after = await ask('POST', '/v1/search', {
      body,
      headers: { 'if-none-match': first.headers.etag ?? '' },
    });
    expect([after.status, after.headers['cache-status']]).toEqual([200, 'stacklore; fwd=miss']);
    expect(after.headers.etag).not.toBe(first.headers.etag);
  });

  test('gives the answer of an earlier question that means the same, and says so, where that is asked for', async () => {
    const ask1 = (query: string, semanticCache: unknown) =>
      ask('POST', '/v1/search', { body: { query, collection: 'library', semanticCache } });
    const first = await ask1('how long may a book be kept', true);
    expect(first.body.earlier).toBeUndefined();
    const second = await ask1('how long may a book be kept?', { threshold: 0.9 });
    expect(second.headers['cache-status']).toBe('stacklore; hit');
    expect(second.body).toMatchObject({
      earlier: { query: 'how long may a book be kept' },
      hits: first.body.hits,
    });
  });

  test('refuses what it does not know, naming the field', async () => {
    const answer = await ask('POST', '/v1/search', { body: { query: 'x', topk: 3 } });
    expect(answer.headers['content-type']).toBe('application/problem+json; charset=utf-8');
    expect(answer.body).toMatchObject({ status: 400, code: 'invalid_input', title: 'Bad Request' });
    expect(answer.body.detail).toContain('topk');
    expect(answer.body.requestId).toBe(answer.headers['x-request-id']);
  });
});

describe('POST /v1/collections/:collection/map', () => {
  test('shows the chunks, a question and its hits on one plane', async () => {
    const answer = await ask('POST', '/v1/collections/library/map', { body: { query: 'a loan', topK: 1 } });
    expect(answer.status).toBe(200);
    expect(() => collectionMap.strict().parse(answer.body)).not.toThrow();
    expect(answer.body).toMatchObject({ chunks: 2, documents: 2 });
    expect(answer.body.hits).toHaveLength(1);
    expect((await ask('POST', '/v1/collections/nowhere/map', { body: {} })).status).toBe(404);
  });
});

describe('POST /v1/context', () => {
  test('gives one cited text', async () => {
    const answer = await ask('POST', '/v1/context', { body: { query: 'late book', collection: 'library' } });
    expect(answer.status).toBe(200);
    expect(() => contextAnswer.strict().parse(answer.body)).not.toThrow();
    expect(answer.body.text).toContain('ten cents');
  });
});

describe('an API key', () => {
  test('reaches its collections, and others are as if they were not there', async () => {
    const { token } = await lore.apiKeys.create({ name: 'site', collections: ['library'] });
    const search = (collection: string) =>
      ask('POST', '/v1/search', { key: token, body: { query: 'a keel', collection } });
    expect((await search('library')).status).toBe(200);
    const [denied, absent] = [await search('harbour'), await search('nowhere')];
    expect(denied.status).toBe(404);
    expect({ ...denied.body, requestId: '' }).toEqual({ ...absent.body, requestId: '' });
  });
});
