import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RunningServer, serve } from '../../src/http/serve.ts';
import type { Stacklore } from '../../src/stacklore.ts';
import { openTestLore } from '../support/lore.ts';
import { connectClient } from '../support/mcp-client.ts';
import { usePrivateRedis } from '../support/redis.ts';

const redis = usePrivateRedis();
let lore: Stacklore;
let server: RunningServer;
beforeAll(async () => {
  lore = openTestLore(redis);
  await lore.ingestTexts([{ source: 'loans.md', text: 'A loan lasts twenty one days.' }], {
    collection: 'library',
  });
  await lore.ingestTexts([{ source: 'boats.md', text: 'A boat has a keel.' }], { collection: 'harbour' });
  server = await serve(lore, {
    ...{ port: 0, logLevel: 'silent', requireKey: true },
    corsOrigins: ['https://docs.example'],
  });
});
afterAll(() => server.close());

async function connect(key: string) {
  const requestInit = { headers: { authorization: `Bearer ${key}` } };
  const transport = new StreamableHTTPClientTransport(new URL(`${server.url}/mcp`), { requestInit });
  // The SDK's own class lacks the exactness its interface has under `exactOptionalPropertyTypes`.
  return { transport, ...(await connectClient(transport as Transport)) };
}

describe('/mcp', () => {
  test('shows an agent what its key opens, and nothing else', async () => {
    const { token } = await lore.apiKeys.create({ name: 'agent', collections: ['library'] });
    const { client, call } = await connect(token);
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toEqual(['search', 'context', 'list_collections', 'get_document']);
    expect((await call('search', { query: 'a loan', collections: ['library'] })).text).toContain(
      'twenty one days',
    );
    expect((await call('search', { query: 'a keel', collections: ['harbour'] })).code).toBe('not_found');
    expect((await call('list_collections')).text).not.toContain('harbour');
  });

  test('offers tools that write only to keys that may', async () => {
    const { token } = await lore.apiKeys.create({
      name: 'editor',
      scopes: ['read', 'write'],
      families: ['documents', 'facts'],
    });
    const { tools } = await (await connect(token)).client.listTools();
    expect(tools.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['search_facts', 'add_fact', 'ingest_text']),
    );
  });

  test('keeps a session from every other key', async () => {
    const [mine, other] = await Promise.all(['mine', 'other'].map((name) => lore.apiKeys.create({ name })));
    const { transport } = await connect(mine?.token ?? '');
    const answer = await fetch(`${server.url}/mcp`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${other?.token}`,
        accept: 'application/json, text/event-stream',
        'content-type': 'application/json',
        'mcp-session-id': transport.sessionId ?? '',
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' }),
    });
    expect(answer.status).toBe(404);
  });

  test('asks for a key, and for one that reads documents', async () => {
    const post = (headers: Record<string, string>) =>
      fetch(`${server.url}/mcp`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: '{}',
      });
    expect((await post({})).status).toBe(401);
    const { token } = await lore.apiKeys.create({ name: 'facts', families: ['facts'] });
    expect((await post({ authorization: `Bearer ${token}` })).status).toBe(404);
  });

  test('tells limits and request ids, and pages of allowed sites may read its answers', async () => {
    const { token } = await lore.apiKeys.create({ name: 'page' });
    const answer = await initialize(token, { origin: 'https://docs.example' });
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'ratelimit-limit': '600',
      'access-control-allow-origin': 'https://docs.example',
      'x-content-type-options': 'nosniff',
      'x-request-id': expect.stringMatching(/-/),
      'mcp-session-id': expect.stringMatching(/-/),
    });
  });

  test('lets no key hold all the streams that there may be', async () => {
    const { token } = await lore.apiKeys.create({ name: 'greedy' });
    const gone = new AbortController();
    const statuses: number[] = [];
    for (let stream = 0; stream < 33; stream += 1) {
      const sessionId = (await initialize(token)).headers.get('mcp-session-id') ?? '';
      const answer = await fetch(`${server.url}/mcp`, {
        headers: { ...headersOf(token), 'mcp-session-id': sessionId },
        signal: gone.signal,
      });
      statuses.push(answer.status);
    }
    gone.abort();
    expect([statuses[31], statuses[32]]).toEqual([200, 503]);
  });

  test('takes few messages at once, as each request counts as one', async () => {
    const { token } = await lore.apiKeys.create({ name: 'batch' });
    const batch = Array.from({ length: 17 }, (_, id) => ({ jsonrpc: '2.0', id, method: 'tools/list' }));
    const answer = await fetch(`${server.url}/mcp`, {
      method: 'POST',
      headers: headersOf(token),
      body: JSON.stringify(batch),
    });
    expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([400, 'invalid_input']);
  });
});

function headersOf(token: string): Record<string, string> {
  return {
    authorization: `Bearer ${token}`,
    accept: 'application/json, text/event-stream',
    'content-type': 'application/json',
  };
}

async function initialize(token: string, headers: Record<string, string> = {}): Promise<Response> {
  const params = {
    protocolVersion: '2025-06-18',
    capabilities: {},
    clientInfo: { name: 'raw', version: '1' },
  };
  const answer = await fetch(`${server.url}/mcp`, {
    method: 'POST',
    headers: { ...headersOf(token), ...headers },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params }),
  });
  await answer.text();
  return answer;
}
