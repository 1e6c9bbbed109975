import fc from 'fast-check';
import { beforeAll, expect, it } from 'vitest';
import type { Stacklore } from '../../src/stacklore.ts';
import { openTestLore } from '../support/lore.ts';
import { openTestClient, type TestClient } from '../support/mcp-client.ts';
import { usePrivateRedis } from '../support/redis.ts';

const redis = usePrivateRedis();
let lore: Stacklore;
let agent: TestClient;

beforeAll(async () => {
  lore = openTestLore(redis);
  await lore.ingestTexts([{ text: 'A loan lasts 21 days.', source: 'loans.md' }], {
    ...{ collection: 'docs', settings: { fields: [{ name: 'year', type: 'number' }] } },
  });
  agent = await openTestClient(lore, { allowWrites: true });
});

/** Mostly what a tool takes, now and then anything that JSON can say. */
const value = fc.oneof(
  { weight: 2, arbitrary: fc.constantFrom('loan', 'docs', 'en', 1, 5, 0.5, true, ['docs'], { year: 2024 }) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary' }) },
  { weight: 1, arbitrary: fc.jsonValue() },
);

it.each(['search', 'context', 'list_collections', 'get_document', 'search_facts', 'add_fact', 'ingest_text'])(
  'answers whatever is given to %s, and never as a failure of its own',
  async (name) => {
    const { tools } = await agent.client.listTools();
    const { properties = {} } = tools.find((tool) => tool.name === name)?.inputSchema ?? {};
    const names = [...Object.keys(properties), 'unknown'];
    const input = fc.record(Object.fromEntries(names.map((property) => [property, value])), {
      requiredKeys: [],
    });
    await fc.assert(
      fc.asyncProperty(input, async (given) => {
        // What JSON cannot carry does not arrive.
        const { isError, code } = await agent.call(name, JSON.parse(JSON.stringify(given)));
        if (isError) expect(code).toMatch(/^(invalid_input|invalid_filter|not_found|too_large)$/);
      }),
      { numRuns: 40 },
    );
  },
);

it('cuts a very long hit and says so', async () => {
  const collection = await lore.collections.get('docs');
  const text = `zeppelin ${'x'.repeat(5_000)}`;
  const document = {
    docId: 'long',
    title: 'Long',
    source: 'long.md',
    contentType: 'text',
    wordCount: 2,
    hash: 'a',
  };
  await lore.documents.replace(collection, document, [{ text }], await lore.embedTexts(['zeppelin']));
  const { data, text: said } = await agent.call('search', { query: 'zeppelin', topK: 1 });
  expect(data.hits).toMatchObject([{ docId: 'long', isCut: true, text: text.slice(0, 4_000) }]);
  expect(said).toMatch(/ \[…\]$/);
  expect((await agent.call('get_document', { docId: 'long' })).data).toMatchObject({
    length: text.length + 1,
    hasOffsets: false,
  });
});
