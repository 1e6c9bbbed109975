import { beforeAll, describe, expect, test } from 'vitest';
import { explanationAnswer } from '../../src/http/schemas/examine.ts';
import type { Stacklore } from '../../src/stacklore.ts';
import { expectFits } from '../support/fits.ts';
import { openTestLore } from '../support/lore.ts';
import { multipart } from '../support/multipart.ts';
import { usePrivateRedis } from '../support/redis.ts';
import { type ApiAnswer, useApi } from '../support/serve.ts';

const redis = usePrivateRedis();
let lore: Stacklore;
/** Tokens of two keys with a collection each, and of one that may only read. */
let ada = '';
let bob = '';
let reader = '';
beforeAll(async () => {
  lore = openTestLore(redis);
  const make = async (name: string, collections: string[], scopes: ('read' | 'write' | 'admin')[]) =>
    (await lore.apiKeys.create({ name, collections, scopes })).token;
  ada = await make('ada', ['ada'], ['read', 'write', 'admin']);
  bob = await make('bob', ['bob'], ['read', 'write', 'admin']);
  reader = await make('reader', ['ada'], ['read']);
  for (const collection of ['ada', 'bob']) {
    const text = `The secret of ${collection} is a word.`;
    await lore.ingestTexts([{ source: `${collection}.md`, docId: `${collection}-secret`, text }], {
      collection,
    });
  }
});
const { ask } = useApi(() => lore);

/** What is the same in answers to requests that differ. */
function comparable({ status, body, text }: ApiAnswer): unknown {
  return { status, body: body ? { ...body, requestId: '' } : text };
}

async function send(key: string, collection: string, docId: string): Promise<ApiAnswer> {
  const texts = [{ source: 'new.md', docId, text: `Written by another into ${collection}.` }];
  return ask('POST', '/v1/documents', { key, body: { collection, texts } });
}

async function ended(key: string, { body }: ApiAnswer): Promise<Record<string, unknown>> {
  const look = () => ask('GET', `/v1/jobs/${body.jobId}`, { key });
  await expect.poll(async () => (await look()).body.state, { timeout: 5_000 }).toMatch(/done|failed/);
  return (await look()).body;
}

describe('what a key does not reach', () => {
  test.each([
    ['GET', '/v1/collections/bob', '/v1/collections/none'],
    ['DELETE', '/v1/collections/bob', '/v1/collections/none'],
    ['GET', '/v1/documents?collection=bob', '/v1/documents?collection=none'],
    ['GET', '/v1/documents/bob-secret', '/v1/documents/none'],
    ['GET', '/v1/documents/bob-secret/chunks', '/v1/documents/none/chunks'],
    ['DELETE', '/v1/documents/bob-secret', '/v1/documents/none'],
  ])('is answered like what is not there: %s %s', async (method, denied, absent) => {
    const answers = [await ask(method, denied, { key: ada }), await ask(method, absent, { key: ada })];
    expect(answers[0]?.status).toBe(404);
    expect(comparable(answers[0] as ApiAnswer)).toEqual(comparable(answers[1] as ApiAnswer));
    expect((await lore.documents.get('bob-secret')).chunkCount).toBe(1);
  });

  test('is not told of by a record that cannot be read', async () => {
    await lore.databases.knowledge.send([
      'HSET',
      'doc:broken:metadata',
      'title',
      'half',
      'collection',
      'bob',
    ]);
    for (const [method, path, body] of [
      ['GET', '/v1/documents/DOC', undefined],
      ['DELETE', '/v1/documents/DOC', undefined],
      ['POST', '/v1/verify-citation', { docId: 'DOC', text: 'half' }],
      ['POST', '/v1/explain', { query: 'half', collection: 'ada', docId: 'DOC' }],
    ] as const) {
      const about = (docId: string) =>
        ask(method, path.replace('DOC', docId), {
          key: ada,
          ...(body && { body: { ...body, docId } }),
        });
      const [broken, none] = [await about('broken'), await about('none')];
      const told = JSON.stringify(comparable(broken)).replaceAll('broken', 'none');
      expect(told).toBe(JSON.stringify(comparable(none)));
    }
  });

  test('is in no list and no count', async () => {
    const { body } = await ask('GET', '/v1/collections', { key: ada });
    expect(body).toMatchObject({ items: [{ name: 'ada', documents: 1 }], unreadable: [] });
    const { knowledge } = lore.databases;
    const stored = await knowledge.send<string>(['HGET', 'stacklore:collection:bob', 'manifest']);
    await knowledge.send(['HSET', 'stacklore:collection:bob', 'manifest', '{}']);
    expect((await ask('GET', '/v1/collections', { key: ada })).body.unreadable).toEqual([]);
    expect((await ask('GET', '/v1/collections', { key: bob })).body.unreadable).toHaveLength(1);
    await knowledge.send(['HSET', 'stacklore:collection:bob', 'manifest', stored]);
  });

  test('is told of by no explanation and no citation check', async () => {
    const explain = (docId: string) =>
      ask('POST', '/v1/explain', { key: ada, body: { query: 'a word', collection: 'ada', docId } });
    const [other, none] = [await explain('bob-secret'), await explain('none')];
    expectFits(explanationAnswer, other.body);
    expect(other.text.replaceAll('bob-secret', 'none')).toBe(none.text);
    const check = (docId: string) =>
      ask('POST', '/v1/verify-citation', { key: ada, body: { docId, text: 'The secret of bob is a word.' } });
    expect((await check('bob-secret')).text.replaceAll('bob-secret', 'none')).toBe(
      (await check('none')).text,
    );
    const own = await ask('POST', '/v1/explain', {
      key: ada,
      body: { query: 'x', collection: 'bob', docId: 'x' },
    });
    expect(own.status).toBe(404);
  });

  test('cannot be made or filled', async () => {
    const made = await ask('POST', '/v1/collections', { key: ada, body: { name: 'bobs-too' } });
    const filled = await send(ada, 'bob', 'x');
    const form = multipart([
      { name: 'file', filename: 'x.md', value: 'x' },
      { name: 'collection', value: 'bob' },
    ]);
    const uploaded = await ask('POST', '/v1/documents', { key: ada, ...form });
    expect([made.status, filled.status, uploaded.status]).toEqual([404, 404, 404]);
    expect(await lore.collections.find('bobs-too')).toBeUndefined();
    expect(await lore.documents.count('bob')).toBe(1);
  });

  test('cannot be overwritten, nor guessed at, by the id of a document', async () => {
    const reports = [];
    for (const docId of ['bob-secret', 'nobodys', 'broken']) {
      const { report } = await ended(ada, await send(ada, 'ada', docId));
      reports.push(
        JSON.stringify(report)
          .replaceAll(docId, '')
          .replace(/"seconds":[\d.e-]+/, ''),
      );
      expect((await lore.documents.get(`ada:${docId}`)).collection).toBe('ada');
      await lore.documents.delete(`ada:${docId}`);
    }
    expect(reports[0]).toBe(reports[1]);
    expect(reports[2]).toBe(reports[1]);
    expect(await lore.documents.get('bob-secret')).toMatchObject({ collection: 'bob', source: 'bob.md' });
    expect(await lore.documents.find('nobodys')).toBeUndefined();
  });
});

describe('jobs', () => {
  test('are seen by the key that made them alone', async () => {
    const answer = await send(bob, 'bob', 'job-of-bob');
    const { jobId } = await ended(bob, answer);
    for (const [method, path] of [
      ['GET', ''],
      ['GET', '/events'],
      ['DELETE', ''],
    ] as const) {
      const answers = [
        await ask(method, `/v1/jobs/${jobId}${path}`, { key: ada }),
        await ask(method, `/v1/jobs/none${path}`, { key: ada }),
      ];
      expect(answers[0]?.status).toBe(404);
      expect(comparable(answers[0] as ApiAnswer)).toEqual(comparable(answers[1] as ApiAnswer));
    }
    const lists = [await ask('GET', '/v1/jobs', { key: ada }), await ask('GET', '/v1/jobs', { key: bob })];
    expect(lists[0]?.text).not.toContain(String(jobId));
    expect(lists[1]?.body).toMatchObject({ items: [{ jobId }], total: 1 });
  });
});

describe('a job that cannot be read', () => {
  test('is not told of to whoever may not have made it', async () => {
    await lore.databases.main.send(['HSET', 'stacklore:job:broken', 'owner', 'bob']);
    const answers = [
      await ask('GET', '/v1/jobs/broken', { key: ada }),
      await ask('GET', '/v1/jobs/none', { key: ada }),
    ];
    expect(comparable(answers[0] as ApiAnswer)).toEqual(comparable(answers[1] as ApiAnswer));
  });
});

describe('a scope', () => {
  test('that is missing denies', async () => {
    const answers = [
      await send(reader, 'ada', 'x'),
      await ask('DELETE', '/v1/documents/ada-secret', { key: reader }),
      await ask('POST', '/v1/collections', { key: reader, body: { name: 'ada' } }),
      await ask('DELETE', '/v1/collections/ada', { key: reader }),
      await ask('DELETE', '/v1/jobs/x', { key: reader }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([404, 404, 404, 404, 404]);
    expect((await ask('GET', '/v1/documents/ada-secret', { key: reader })).status).toBe(200);
  });

  test('is told by GET /v1/me, whatever the key opens', async () => {
    const { token } = await lore.apiKeys.create({ name: 'facts', families: ['facts'], userId: 'u1' });
    expect((await ask('GET', '/v1/me', { key: token })).body).toEqual({
      isKeyRequired: true,
      key: { name: 'facts', scopes: ['read'], families: ['facts'], userId: 'u1' },
    });
    expect((await ask('GET', '/v1/me')).status).toBe(401);
  });
});
