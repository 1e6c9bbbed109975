import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { expect, it } from 'vitest';
import { connectClient } from '../support/mcp-client.ts';
import { modelConfig } from '../support/provisioned.ts';
import { usePrivateRedis } from '../support/redis.ts';
import { cliCommand } from '../support/run-cli.ts';

const redis = usePrivateRedis();

it('lets an agent keep a text and a fact and find both by their meaning', async () => {
  const flags = ['--allow-writes', '--redis-url', redis.url, '--model-dir', modelConfig().dir];
  const env = { PATH: process.env.PATH ?? '' };
  const { call } = await connectClient(new StdioClientTransport({ ...cliCommand(['mcp', ...flags]), env }));
  const text =
    '# Borrowing\n\nBooks may be kept for three weeks.\n\n# Parking\n\nCars stand behind the hall.';
  const kept = await call('ingest_text', {
    text,
    source: 'rules.md',
    collection: 'rules',
    createCollection: true,
  });
  expect(kept.data).toMatchObject({ status: 'created', title: 'Borrowing' });
  await call('add_fact', { content: 'The library is closed on Mondays.', source: 'door sign' });

  const { data } = await call('search', { query: 'Where can I leave my vehicle?', topK: 1 });
  expect(data.hits).toMatchObject([{ text: expect.stringContaining('Cars stand behind the hall.') }]);
  const facts = await call('search_facts', { query: 'opening days', topK: 1 });
  expect(facts.text).toContain('closed on Mondays. (door sign');
  const context = await call('context', { query: 'How long can I borrow a novel?', maxTokens: 80 });
  expect(context.text).toMatch(/^\[1\] .*rules\.md[\s\S]*three weeks/);
});
