import { createConnection } from 'node:net';
import { PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { StackloreError } from '../../src/errors.ts';
import { createLogger } from '../../src/http/log.ts';
import { parseServeOptions, type ServeInput } from '../../src/http/options.ts';
import { serve } from '../../src/http/serve.ts';
import { createServer } from '../../src/http/server.ts';
import type { Stacklore } from '../../src/stacklore.ts';
import { FakeEmbedder } from '../support/fake-embedder.ts';
import { openTestLore } from '../support/lore.ts';
import { usePrivateRedis } from '../support/redis.ts';

const redis = usePrivateRedis();
let lore: Stacklore;
beforeAll(async () => {
  lore = openTestLore(redis);
  await lore.ingestTexts([{ source: 'loans.md', text: 'A loan lasts twenty one days.' }], {
    collection: 'library',
  });
});

const running: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const server of running.splice(0)) await server.close();
});

/** A server on a free loopback port, stopped after the test. */
async function start(options: ServeInput = {}, over = lore) {
  const server = await serve(over, { port: 0, logLevel: 'silent', ...options });
  running.push(server);
  return server;
}

const search = (url: string, options: { headers?: Record<string, string>; body?: unknown } = {}) =>
  fetch(`${url}/v1/search`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...options.headers },
    body: JSON.stringify(options.body ?? { query: 'a loan', collection: 'library' }),
  });

/** What a raw request is answered with, as fetch sets some headers itself. */
function raw(url: string, lines: readonly string[]): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = createConnection({ host: hostname, port: Number(port) }, () => {
      socket.write(`${lines.join('\r\n')}\r\n\r\n`);
    });
    socket.on('data', (piece) => {
      answer += piece.toString();
    });
    socket.on('close', () => resolve(answer));
    socket.on('error', reject);
  });
}

describe('the address', () => {
  test('is loopback only, until there is an API key', async () => {
    await expect(serve(lore, { host: '0.0.0.0', port: 0 })).rejects.toMatchObject({
      code: 'invalid_input',
      message: expect.stringContaining('stacklore api-keys create'),
    });
  });

  test('that is taken is refused with what to do', async () => {
    const { url } = await start();
    await expect(serve(lore, { port: Number(new URL(url).port), logLevel: 'silent' })).rejects.toMatchObject({
      code: 'invalid_input',
      message: expect.stringContaining('--port'),
    });
  });

  test('is called by its own names only, so that no other name can be rebound to it', async () => {
    const { url } = await start({ allowedHosts: ['books.example'] });
    const called = (host: string) =>
      raw(url, ['GET /healthz HTTP/1.1', `Host: ${host}`, 'Connection: close']);
    expect(await called('localhost')).toMatch(/^HTTP\/1.1 200/);
    expect(await called('books.example:80')).toMatch(/^HTTP\/1.1 200/);
    expect(await called('evil.example')).toMatch(/^HTTP\/1.1 404/);
  });
});

describe('pages of other sites', () => {
  test('cannot send requests, unless theirs is allowed', async () => {
    const { url } = await start({ corsOrigins: ['https://docs.example'] });
    const from = (origin: string) => search(url, { headers: { origin } });
    expect((await from('https://evil.example')).status).toBe(404);
    expect((await from(url)).status).toBe(200);
    const allowed = await from('https://docs.example');
    expect([allowed.status, allowed.headers.get('access-control-allow-origin')]).toEqual([
      200,
      'https://docs.example',
    ]);
    const asked = await fetch(`${url}/v1/search`, {
      method: 'OPTIONS',
      headers: { origin: 'https://docs.example', 'access-control-request-method': 'DELETE' },
    });
    expect(asked.status).toBe(204);
    const methods = asked.headers.get('access-control-allow-methods')?.split(/, ?/);
    expect(methods).toEqual(expect.arrayContaining(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']));
  });
});

describe('limits', () => {
  test('tell a client where it stands, and make it wait', async () => {
    await lore.rateLimits.reset('ip-127.0.0.1', 'POST-/v1/search');
    const { url } = await start({ rateLimit: 2 });
    const answers = [await search(url), await search(url), await search(url)];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 429]);
    const [first, , last] = answers;
    expect(first?.headers.get('ratelimit-limit')).toBe('2');
    expect(first?.headers.get('ratelimit-remaining')).toBe('1');
    expect(Number(last?.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await last?.json()).toMatchObject({ code: 'rate_limited', status: 429 });
  });

  test('refuse a body that is too large', async () => {
    const { url } = await start({ bodyLimit: 1_024 });
    const answer = await search(url, { body: { query: 'x'.repeat(2_000) } });
    expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([413, 'too_large']);
  });

  test('refuse one request too many at a time', async () => {
    const slow = openTestLore(redis, {}, { embedder: new SlowEmbedder(400) });
    const { url } = await start({ maxConcurrent: 1, cacheSeconds: 0 }, slow);
    const first = search(url);
    await sleep(100);
    const second = await search(url);
    expect([second.status, second.headers.get('retry-after')]).toEqual([503, '1']);
    expect((await first).status).toBe(200);
  });

  test('give up an answer that takes too long', async () => {
    const slow = openTestLore(redis, {}, { embedder: new SlowEmbedder(1_500) });
    const { url } = await start({ answerTimeoutMs: 200, cacheSeconds: 0 }, slow);
    const answer = await search(url);
    expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([504, 'query_timeout']);
  });

  test('let go of work whose answer comes too late', async () => {
    let told: AbortSignal | undefined;
    const analyseKeys: Stacklore['maintenance']['analyseKeys'] = async (options) => {
      told = options?.signal;
      await sleep(5_000, undefined, { signal: told }).catch(() => undefined);
      throw new StackloreError('aborted', { message: 'It was stopped.' });
    };
    const endless = Object.create(lore, { maintenance: { value: { analyseKeys } } }) as Stacklore;
    const { url } = await start({ answerTimeoutMs: 100, runJobs: false }, endless);
    expect((await fetch(`${url}/v1/keys`)).status).toBe(504);
    expect(told?.aborted).toBe(true);
  });
});

describe('stopping', () => {
  test('finishes what is under way', async () => {
    const slow = openTestLore(redis, {}, { embedder: new SlowEmbedder(500) });
    const server = await serve(slow, { port: 0, logLevel: 'silent', cacheSeconds: 0 });
    const under = search(server.url);
    await sleep(150);
    const closed = server.close();
    expect((await under).status).toBe(200);
    await closed;
    await expect(search(server.url)).rejects.toThrow();
  });
});

describe('an API key', () => {
  const made = async (input: Parameters<Stacklore['apiKeys']['create']>[0]) =>
    (await own.apiKeys.create(input)).token;
  let own: Stacklore;
  const keyed = usePrivateRedis();
  beforeAll(async () => {
    own = openTestLore(keyed);
    await own.ingestTexts([{ source: 'a.md', text: 'A loan.' }], { collection: 'library' });
  });

  test('is asked for as soon as there is one, and never again not', async () => {
    const { url } = await start({}, own);
    expect((await search(url)).status).toBe(200);
    const { token, keyId } = await own.apiKeys.create({ name: 'site' });
    await sleep(1_100);
    const without = await search(url);
    expect([without.status, without.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
    expect((await search(url, { headers: { authorization: `Bearer ${token}` } })).status).toBe(200);
    expect((await search(url, { headers: { 'x-api-key': token } })).status).toBe(200);
    await own.apiKeys.revoke(keyId);
    expect((await search(url, { headers: { authorization: `Bearer ${token}` } })).status).toBe(401);
    expect((await search(url)).status).toBe(401);
  });

  test('that is wrong, cut or expired opens nothing', async () => {
    const { url } = await start({}, own);
    const token = await made({ name: 'old', expiresAt: new Date(Date.now() - 1_000) });
    const wrong = `${(await made({ name: 'site' })).slice(0, -1)}!`;
    for (const given of [token, wrong, 'sl_', 'x'.repeat(10_000).slice(0, 4_000)]) {
      expect((await search(url, { headers: { authorization: `Bearer ${given}` } })).status).toBe(401);
    }
    expect((await search(url, { headers: { authorization: 'Basic YTpi' } })).status).toBe(401);
  });

  test('without the scope or family meets nothing, in the words of what is absent', async () => {
    const { url } = await start({}, own);
    const key = await made({ name: 'facts only', families: ['facts'] });
    const denied = await search(url, { headers: { authorization: `Bearer ${key}` } });
    const absent = await fetch(`${url}/v1/nothing`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}` },
    });
    expect(denied.status).toBe(404);
    const words = async (answer: Response) => ({ ...((await answer.json()) as object), requestId: '' });
    expect(await words(denied)).toEqual(await words(absent));
  });
});

describe('what is wrong with the machine', () => {
  test('is told to who runs it on loopback, and to no key', async () => {
    const broken = openTestLore(redis, {}, { embedder: new MissingEmbedder() });
    const open = await search((await start({ cacheSeconds: 0 }, broken)).url);
    expect([open.status, await open.text()]).toEqual([503, expect.stringContaining('/srv/models')]);
    const { token } = await lore.apiKeys.create({ name: 'tenant' });
    const { url } = await start({ cacheSeconds: 0 }, broken);
    const keyed = await search(url, { headers: { 'x-api-key': token } });
    // The other tests have no keys.
    await lore.databases.main.send(['DEL', 'stacklore:api-keys']);
    const text = await keyed.text();
    expect([keyed.status, text]).toEqual([503, expect.stringContaining('"code":"model_unavailable"')]);
    expect(text).not.toContain('/srv/models');
  });
});

describe('what is written down', () => {
  test('holds no key, and the request id that the caller was told', async () => {
    const output = new PassThrough();
    const log = createLogger({ logLevel: 'info' }, output);
    const options = parseServeOptions({});
    const server = await createServer({ lore, options, log });
    running.push(server);
    const answer = await server.inject({
      method: 'POST',
      url: '/v1/search?token=sl_secret',
      headers: { host: 'localhost', authorization: 'Bearer sl_secret' },
      payload: { query: 'q' },
    });
    log.info({
      token: 'sl_secret',
      nested: { password: 'sl_secret' },
      req: { headers: { authorization: 'sl_secret' } },
    });
    const written = String(output.read());
    expect(written).not.toContain('sl_secret');
    expect(written).toContain(String(answer.headers['x-request-id']));
  });

  test('are latencies, uses and the failures of the server, in the records of the schema', async () => {
    const recording = openTestLore(redis, { recording: true });
    const { url } = await start({}, recording);
    await search(url, { body: { query: 'a loan', collection: 'library', userId: 'ada' } });
    await recording.close();
    const { days } = await lore.usage.rangeOfUser('ada', { from: new Date(), to: new Date() });
    expect(days).toMatchObject([{ requests: 1, kbQueries: 1 }]);
    const keys = await lore.databases.analytics.send<string[]>(['KEYS', 'metrics:http:*']);
    expect(keys.every((key) => key.startsWith('metrics:http:POST /v1/search:'))).toBe(true);
    expect(keys).not.toEqual([]);
  });
});

describe('health', () => {
  test('is told without a key; measures are in the format of Prometheus', async () => {
    const { url } = await start();
    expect(await (await fetch(`${url}/healthz`)).json()).toEqual({ status: 'ok' });
    expect(await (await fetch(`${url}/readyz`)).json()).toEqual({ status: 'ready' });
    await search(url);
    const measures = await (await fetch(`${url}/metrics`)).text();
    expect(measures).toMatch(
      /http_request_duration_seconds_count\{method="POST",route="\/v1\/search",status="200"\} 1/,
    );
  });

  test('is not ready without a database, while the process lives on', async () => {
    const other = openTestLore(redis, {
      redisUrl: 'redis://127.0.0.1:1',
      connectTimeoutMs: 200,
      commandTimeoutMs: 300,
    });
    const options = parseServeOptions({ logLevel: 'silent' });
    const server = await createServer({ lore: other, options });
    running.push(server);
    const headers = { host: 'localhost' };
    expect((await server.inject({ url: '/healthz', headers })).statusCode).toBe(200);
    const ready = await server.inject({ url: '/readyz', headers });
    expect([ready.statusCode, ready.json().code]).toEqual([503, 'database_unreachable']);
    const me = await server.inject({ url: '/v1/me', headers });
    expect([me.statusCode, me.json().code]).toEqual([503, 'database_unreachable']);
    for (const { detail } of [ready.json(), me.json()]) expect(detail).not.toContain('127.0.0.1');
  });
});

/** Has no model to embed with. */
class MissingEmbedder extends FakeEmbedder {
  override async embedQuery(): Promise<Float32Array> {
    throw new StackloreError('model_unavailable', { message: 'There is no model in /srv/models.' });
  }
}

/** Embeds only after a while. */
class SlowEmbedder extends FakeEmbedder {
  readonly #delayMs: number;

  constructor(delayMs: number) {
    super();
    this.#delayMs = delayMs;
  }

  override async embedQuery(text: string): Promise<Float32Array> {
    await sleep(this.#delayMs);
    return super.embedQuery(text);
  }
}
