import { request as httpRequest } from 'node:http';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type HttpOptions, type RunningHttp, serveHttp } from '../../src/mcp/serve-http.ts';
import { createMcpServer } from '../../src/mcp/server.ts';
import type { Stacklore } from '../../src/stacklore.ts';
import { FakeEmbedder } from '../support/fake-embedder.ts';
import { openTestLore } from '../support/lore.ts';
import { connectClient } from '../support/mcp-client.ts';
import { usePrivateRedis } from '../support/redis.ts';

const redis = usePrivateRedis();
const TOKEN = 'correct-horse-battery';
const INITIALIZE = {
  ...{ jsonrpc: '2.0', id: 1, method: 'initialize' },
  params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'raw', version: '1' } },
};

let lore: Stacklore;
let open: RunningHttp;
let closed: RunningHttp;

beforeAll(async () => {
  lore = openTestLore(redis);
  await lore.ingestTexts([{ text: 'A loan lasts 21 days.', source: 'loans.md' }], { collection: 'docs' });
  open = await serve();
  closed = await serve({ host: '0.0.0.0', token: TOKEN });
});

async function serve(options: Partial<HttpOptions> = {}, of = lore): Promise<RunningHttp> {
  const running = await serveHttp({
    ...{ host: '127.0.0.1', port: 0, onError: () => undefined },
    createServer: () => createMcpServer(of, { version: '1.0.0', allowWrites: true }),
    ...options,
  });
  afterAll(() => running.close());
  return running;
}

function connect(url: string, headers: Record<string, string> = {}) {
  const transport = new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } });
  // The SDK's own class lacks the exactness its interface has under `exactOptionalPropertyTypes`.
  return connectClient(transport as Transport);
}

const JSON_HEADERS = {
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
};

/** Sends what no client of the SDK would send. */
async function send(
  url: string,
  {
    method = 'POST',
    body = '',
    headers = {},
  }: {
    method?: string;
    body?: unknown;
    headers?: Record<string, string>;
  } = {},
): Promise<{ status: number | undefined; body: string; headers: Record<string, unknown> }> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(url, { method, headers: { ...JSON_HEADERS, ...headers } }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      response.once('end', () =>
        resolve({ status: response.statusCode, body: text, headers: response.headers }),
      );
    });
    request.once('error', reject);
    request.end(typeof body === 'string' ? body : JSON.stringify(body));
  });
}

describe('serving over HTTP', () => {
  it('answers several clients at once', async () => {
    const clients = await Promise.all([connect(open.url), connect(open.url)]);
    const answers = await Promise.all(clients.map(({ call }) => call('search', { query: 'loan' })));
    for (const { text } of answers) expect(text).toContain('A loan lasts 21 days.');
  });

  it('announces changed tools on the stream of the client', async () => {
    const { client, call } = await connect(open.url);
    const announced = new Promise<void>((resolve) => {
      client.setNotificationHandler(ToolListChangedNotificationSchema, () => resolve());
    });
    await call('ingest_text', { text: 'New.', source: 'n.md', collection: 'fresh', createCollection: true });
    await announced;
    await lore.dropCollection('fresh');
  });

  it('ends a session at the wish of its client', async () => {
    const { headers } = await send(open.url, { body: INITIALIZE });
    const session = { 'mcp-session-id': String(headers['mcp-session-id']) };
    const ping = { jsonrpc: '2.0', id: 2, method: 'ping' };
    expect((await send(open.url, { body: ping, headers: session })).status).toBe(200);
    expect((await send(open.url, { method: 'DELETE', headers: session })).status).toBe(200);
    expect((await send(open.url, { body: ping, headers: session })).status).toBe(404);
  });

  it('answers what is under way before it ends, and takes nothing more', async () => {
    let onEntered: () => void = () => undefined;
    const entered = new Promise<void>((resolve) => {
      onEntered = resolve;
    });
    let goOn: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const onText = async (text: string) => {
      if (text !== 'slow question') return;
      onEntered();
      await held;
    };
    const slow = openTestLore(redis, {}, { embedder: new FakeEmbedder({ onText }) });
    const running = await serve({}, slow);
    const { call } = await connect(running.url);
    const asked = call('search', { query: 'slow question', collections: ['docs'] });
    await entered;
    const ended = running.close();
    goOn();
    expect((await asked).text).toContain('A loan lasts 21 days.');
    await ended;
    await expect(send(running.url, { body: INITIALIZE })).rejects.toThrow('ECONNREFUSED');
  });
});

describe('a request that is no good', () => {
  it.each([
    ['to another host name', { headers: { host: 'evil.example' } }, 403, 'Host'],
    ['from a web page elsewhere', { headers: { origin: 'https://evil.example' } }, 403, 'Origin'],
    ['without a session', { body: { jsonrpc: '2.0', id: 1, method: 'ping' } }, 400, 'not initialized'],
    ['to listen without a session', { method: 'GET' }, 400, 'Mcp-Session-Id'],
    ['of an unknown session', { headers: { 'mcp-session-id': 'guess' } }, 404, 'no such session'],
    ['that is no JSON', { body: '{' }, 400, 'Parse error'],
    ['that is not of the protocol', { body: { hello: 1 } }, 400, 'Parse error'],
    [
      'of another content type',
      { headers: { 'content-type': 'text/plain' }, body: 'x' },
      415,
      'Content-Type',
    ],
    ['that is too large', { body: `"${'x'.repeat(5_000_000)}"` }, 413, 'bytes'],
  ])('%s is refused', async (_what, request, status, says) => {
    const answer = await send(open.url, request);
    expect({ status: answer.status, body: answer.body }).toEqual({
      status,
      body: expect.stringContaining(says),
    });
  });

  it('to another path finds nothing', async () => {
    expect((await send(open.url.replace('/mcp', '/'), { method: 'GET' })).status).toBe(404);
    expect((await send(`${open.url}?x=1`, { body: INITIALIZE })).status).toBe(200);
  });

  it('without the token is refused, however it is sent', async () => {
    const url = closed.url.replace('0.0.0.0', '127.0.0.1');
    const refused = await send(url, { body: INITIALIZE });
    expect(refused.status).toBe(401);
    expect(refused.headers['www-authenticate']).toBe('Bearer');
    expect((await send(url, { body: INITIALIZE, headers: { authorization: 'Bearer wrong' } })).status).toBe(
      401,
    );
    await expect(connect(url)).rejects.toThrow();
    const { call } = await connect(url, { authorization: `Bearer ${TOKEN}` });
    expect((await call('list_collections')).text).toContain('docs');
  });
});

it.each(['0.0.0.0', '::', '192.168.1.5', 'lore.example'])(
  'does not listen on %s without a token',
  async (host) => {
    await expect(serve({ host })).rejects.toMatchObject({
      code: 'invalid_config',
      message: expect.stringContaining('--token-file'),
    });
  },
);

it('says so when the port is taken', async () => {
  const port = Number(new URL(open.url).port);
  await expect(serve({ port })).rejects.toMatchObject({
    code: 'invalid_config',
    message: expect.stringContaining('--port'),
  });
});
