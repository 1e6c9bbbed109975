import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { afterAll, expect, it } from 'vitest';
import { McpSessions, type SessionLimits } from '../../src/mcp/http-sessions.ts';

const HEADERS = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
const INITIALIZE = {
  ...{ jsonrpc: '2.0', id: 1, method: 'initialize' },
  params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'raw', version: '1' } },
};

/** Sessions behind a route of another server, which reads bodies and knows owners as a framework does. */
async function mount(limits: SessionLimits = {}) {
  const sessions = new McpSessions(limits);
  const http: Server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const text = Buffer.concat(parts).toString();
    await sessions.handle(request, response, {
      createServer: () => new McpServer({ name: 'empty', version: '1.0.0' }),
      owner: String(request.headers['x-owner'] ?? ''),
      ...(text !== '' && { body: JSON.parse(text) as unknown }),
    });
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  afterAll(async () => {
    await sessions.close();
    http.close();
  });
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  const post = (body: unknown, headers: Record<string, string> = {}) =>
    fetch(url, { method: 'POST', headers: { ...HEADERS, ...headers }, body: JSON.stringify(body) });
  const begin = async (headers: Record<string, string> = {}) => {
    const response = await post(INITIALIZE, headers);
    await response.text();
    return response.headers.get('mcp-session-id') ?? '';
  };
  const ping = async (id: string, headers: Record<string, string> = {}) => {
    const response = await post(
      { jsonrpc: '2.0', id: 2, method: 'ping' },
      { 'mcp-session-id': id, ...headers },
    );
    await response.text();
    return response.status;
  };
  return { sessions, post, begin, ping };
}

it('keeps a session from everyone but its owner', async () => {
  const { begin, ping } = await mount();
  const id = await begin({ 'x-owner': 'ada' });
  expect(await ping(id, { 'x-owner': 'ada' })).toBe(200);
  expect(await ping(id, { 'x-owner': 'bob' })).toBe(404);
  expect(await ping(id)).toBe(404);
});

it('keeps nothing of a request that begins no session', async () => {
  const { sessions, post } = await mount();
  expect((await post({ jsonrpc: '2.0', id: 1, method: 'ping' })).status).toBe(400);
  expect(sessions.size).toBe(0);
});

it('ends sessions that nobody uses, and no others', async () => {
  let time = 1_000_000;
  const { sessions, begin, ping } = await mount({ idleMs: 1_000, now: () => time });
  const [left, used] = [await begin(), await begin()];
  time += 900;
  await ping(used);
  time += 200;
  await sessions.endIdle();
  expect(sessions.size).toBe(1);
  expect([await ping(left), await ping(used)]).toEqual([404, 200]);
});

it('lets the session that was unused for longest make way for a new one', async () => {
  let time = 0;
  const { sessions, begin, ping } = await mount({ maxSessions: 2, now: () => ++time });
  const [first, second] = [await begin(), await begin()];
  await ping(first);
  const third = await begin();
  expect(sessions.size).toBe(2);
  expect([await ping(first), await ping(second), await ping(third)]).toEqual([200, 404, 200]);
});

it('lets whoever has most sessions make way, so that nobody ends those of others', async () => {
  let time = 0;
  const { begin, ping } = await mount({ maxSessions: 3, now: () => ++time });
  const [ada, bob] = [{ 'x-owner': 'ada' }, { 'x-owner': 'bob' }];
  const first = await begin(ada);
  const greedy = [await begin(bob), await begin(bob), await begin(bob), await begin(bob)];
  expect(await ping(first, ada)).toBe(200);
  expect([await ping(greedy[0] ?? '', bob), await ping(greedy[3] ?? '', bob)]).toEqual([404, 200]);
});

it('takes nothing more once it is closed', async () => {
  const { sessions, begin, post } = await mount();
  await begin();
  await sessions.close();
  expect(sessions.size).toBe(0);
  expect((await post(INITIALIZE)).status).toBe(503);
});
