import { createConnection } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { ServeInput } from '../../src/http/options.ts';
import { serve } from '../../src/http/serve.ts';
import type { Stacklore } from '../../src/stacklore.ts';
import { openTestLore } from '../support/lore.ts';
import { usePrivateRedis } from '../support/redis.ts';

const redis = usePrivateRedis();
let lore: Stacklore;
let token = '';
beforeAll(async () => {
  lore = openTestLore(redis);
  token = (await lore.apiKeys.create({ name: 'site' })).token;
});

const running: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const server of running.splice(0)) await server.close();
});

async function start(options: ServeInput = {}) {
  const server = await serve(lore, { port: 0, logLevel: 'silent', ...options });
  running.push(server);
  return server;
}

/** Sends what is given and then nothing more; resolves with what was answered when the server ends the connection. */
function hangAfter(url: string, text: string): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    let answer = '';
    const socket = createConnection({ host: hostname, port: Number(port) }, () => socket.write(text));
    socket.on('data', (piece) => {
      answer += piece.toString();
    });
    socket.on('error', () => undefined).on('close', () => resolve(answer));
  });
}

describe('a request that is never sent to its end', () => {
  test.each([
    ['headers', 'POST /v1/search HTTP/1.1\r\nHost: 127.0.0.1\r\n'],
    [
      'body',
      'POST /v1/search HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer TOKEN\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"query"',
    ],
  ])('does not keep a server from stopping: %s', async (_, text) => {
    const server = await serve(lore, { port: 0, logLevel: 'silent', requestTimeoutMs: 300 });
    const ended = hangAfter(server.url, text.replace('TOKEN', token));
    await sleep(100);
    await server.close();
    await ended;
  });
});

describe('a connection', () => {
  test('that was never used does not keep a server from stopping', async () => {
    const server = await serve(lore, { port: 0, logLevel: 'silent' });
    const ended = hangAfter(server.url, '');
    await sleep(100);
    await server.close();
    expect(await ended).toBe('');
  });
});

describe('keys that are guessed', () => {
  test('are no longer listened to after some, while right ones are', async () => {
    const { url } = await start({ rateLimit: 3 });
    const ask = (key: string) => fetch(`${url}/v1/me`, { headers: { 'x-api-key': key } });
    const guesses = [];
    for (let guess = 0; guess < 5; guess += 1) guesses.push((await ask(`sl_${guess}`)).status);
    expect(guesses).toEqual([401, 401, 401, 429, 429]);
    const late = await fetch(`${url}/v1/nothing`);
    expect([late.status, Number(late.headers.get('retry-after')) > 0]).toEqual([429, true]);
    expect((await ask(token)).status).toBe(200);
  });

  test('for what is not there are counted, too', async () => {
    const { url } = await start({ rateLimit: 2 });
    const statuses = [];
    for (const path of ['a', 'b', 'c']) {
      statuses.push((await fetch(`${url}/v1/${path}`, { headers: { 'x-api-key': token } })).status);
    }
    expect(statuses).toEqual([404, 404, 429]);
  });
});

describe('a request that stops half-way', () => {
  test('is given up after its time', async () => {
    const { url } = await start({ requestTimeoutMs: 200 });
    expect(await hangAfter(url, 'GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n')).toMatch(/^HTTP\/1.1 4/);
  });
});

describe('an address', () => {
  test('that a client invents is not believed, only what the proxy in front adds', async () => {
    const { url } = await start({ rateLimit: 1, trustProxy: true });
    const guess = (invented: string) =>
      fetch(`${url}/v1/me`, { headers: { 'x-forwarded-for': `${invented}, 192.0.2.9` } });
    expect([(await guess('192.0.2.1')).status, (await guess('192.0.2.2')).status]).toEqual([401, 429]);
  });
});

describe('a page of another site that is allowed', () => {
  test('may use every method, however its address was written', async () => {
    const { url } = await start({ corsOrigins: ['https://Docs.example/'] });
    const preflight = await fetch(`${url}/v1/documents/x`, {
      method: 'OPTIONS',
      headers: { origin: 'https://docs.example', 'access-control-request-method': 'DELETE' },
    });
    expect(preflight.headers.get('access-control-allow-origin')).toBe('https://docs.example');
    expect(preflight.headers.get('access-control-allow-methods')).toContain('DELETE');
  });
});

describe('answers', () => {
  test('that are not to be compared by their ETag are kept by no cache on the way', async () => {
    const { url } = await start();
    for (const headers of [{ 'x-api-key': token }, {}]) {
      expect((await fetch(`${url}/v1/me`, { headers })).headers.get('cache-control')).toBe('no-store');
    }
  });
});
