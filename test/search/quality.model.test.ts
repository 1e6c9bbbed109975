import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openStacklore, type Stacklore } from '../../src/stacklore.ts';
import { modelConfig } from '../support/provisioned.ts';
import { usePrivateRedis } from '../support/redis.ts';

const redis = usePrivateRedis();
const documents = fileURLToPath(new URL('../../fixtures/documents', import.meta.url));
const queries = new URL('../../fixtures/queries/handbook.jsonl', import.meta.url);
let lore: Stacklore;

beforeAll(async () => {
  lore = openStacklore(redis.config({ model: modelConfig() }), { env: {} });
  await lore.ingest({ sources: [documents], collection: 'handbook', read: { base: documents } });
});
afterAll(() => lore.close());

const questions = () =>
  readFileSync(queries, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as { text: string; expected: string[] });

it('finds an expected document among the first five hits for most of the handbook questions', async () => {
  let found = 0;
  for (const { text, expected } of questions()) {
    const { hits } = await lore.search({ query: text, collection: 'handbook', topK: 5 });
    if (hits.some(({ source }) => expected.includes(source))) found += 1;
  }
  expect(found / questions().length).toBeGreaterThanOrEqual(0.85);
});

it('answers like exact search does, on real vectors', async () => {
  const exact = 4_096;
  for (const { text } of questions().slice(0, 20)) {
    const request = { query: text, collection: 'handbook', topK: 10 };
    const approximate = (await lore.search(request)).hits.map(({ chunkId }) => chunkId);
    const wide = (await lore.search({ ...request, efRuntime: exact })).hits.map(({ chunkId }) => chunkId);
    expect(approximate.filter((id) => wide.includes(id)).length).toBeGreaterThanOrEqual(9);
  }
});

it('packs a context that names where each passage stands, within its budget', async () => {
  const context = await lore.context({
    query: 'A shelf got soaked; what must be saved first?',
    collection: 'handbook',
    maxTokens: 300,
  });
  expect(context.tokens).toBeLessThanOrEqual(300);
  expect(context.citations[0]).toMatchObject({ number: 1, source: 'collections/conservation.md' });
  expect(context.text).toContain('[1] ');
});
