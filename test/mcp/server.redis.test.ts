import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import { expect, it } from 'vitest';
import { createMcpServer } from '../../src/mcp/server.ts';
import { openTestLore } from '../support/lore.ts';
import { usePrivateRedis } from '../support/redis.ts';

const redis = usePrivateRedis();

it('x', async () => {
  const lore = openTestLore(redis);
  await lore.ingestTexts([{ text: '# Loans\n\nA loan lasts 21 days and can be renewed.', source: 'loans.md', metadata: { lang: 'en' } }], { collection: 'docs', settings: { fields: [{ name: 'lang', type: 'tag' }] } });
  const server = createMcpServer(lore, { version: '1.0.0', allowWrites: true });
  const client = new Client({ name: 't', version: '1' });
  const [a, b] = InMemoryTransport.createLinkedPair();
  await Promise.all([server.connect(a), client.connect(b)]);
  console.log(JSON.stringify(await client.listTools(), null, 1));
  for (const [name, args] of [['search', { query: 'renew a loan' }], ['context', { query: 'renew a loan' }], ['list_collections', {}], ['search_facts', { query: 'x' }], ['add_fact', { content: 'Loans last 21 days.' }], ['ingest_text', { text: 'Hello pier', source: 'pier.md', collection: 'docs' }], ['search', { query: 'x', filter: { nope: 1 } }], ['search', { topK: 99 }], ['search', { query: 'x', collections: ['nope'] }]] as const) {
    const result = await client.callTool({ name, arguments: args });
    console.log(name, (result.content as { text: string }[])[0]?.text, JSON.stringify(result.structuredContent), result._meta);
  }
  console.log(JSON.stringify(await client.listResources()));
});
