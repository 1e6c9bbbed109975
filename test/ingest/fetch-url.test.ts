import { createServer } from 'node:net';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { expect, onTestFinished, test } from 'vitest';
import { fetchUrl } from '../../src/ingest/fetch-url.ts';
import { isPublicAddress } from '../../src/ingest/public-address.ts';
import { startLoopbackServer } from '../support/loopback-server.ts';

const ALLOWED = { allowPrivate: true };

test.each([
  '127.0.0.1',
  '127.9.9.9',
  '0.0.0.0',
  '10.1.2.3',
  '172.16.0.1',
  '192.168.1.1',
  '169.254.169.254',
  '100.64.0.1',
  '192.0.2.1',
  '224.0.0.1',
  '255.255.255.255',
  '::',
  '::1',
  'fe80::1',
  'fc00::1',
  'fd00:ec2::254',
  '::ffff:127.0.0.1',
  '::ffff:10.0.0.1',
  '64:ff9b::7f00:1',
  '2002:7f00:1::',
  'ff02::1',
  'nonsense',
])('the address %s is not public', (address) => {
  expect(isPublicAddress(address)).toBe(false);
});

test.each(['93.184.215.14', '8.8.8.8', '2606:4700::1111', '::ffff:8.8.8.8'])(
  'the address %s is public',
  (address) => {
    expect(isPublicAddress(address)).toBe(true);
  },
);

test.each([
  'http://localhost:1/',
  'http://127.1:1/',
  'http://0x7f000001:1/',
  'http://[::1]:1/',
  'http://[::ffff:127.0.0.1]:1/',
])('%s is refused without connecting', async (url) => {
  await expect(fetchUrl(url)).rejects.toMatchObject({
    code: 'url_refused',
    message: expect.stringMatching(/--allow-private/),
  });
});

test('a page is fetched with its type and time', async () => {
  let agent: string | undefined;
  const url = await startLoopbackServer((request, response) => {
    agent = request.headers['user-agent'];
    response.writeHead(200, {
      'content-type': 'text/html',
      'last-modified': 'Fri, 05 Jan 2024 10:00:00 GMT',
    });
    response.end('<p>Hello</p>');
  });
  expect(await fetchUrl(`${url}/page#part`, ALLOWED)).toEqual({
    url: `${url}/page`,
    bytes: Buffer.from('<p>Hello</p>'),
    contentType: 'text/html',
    modifiedAt: new Date('2024-01-05T10:00:00Z'),
  });
  expect(agent).toMatch(/^stacklore\/\d+\.\d+\.\d+/);
});

test.each([
  ['gzip', gzipSync],
  ['x-gzip', gzipSync],
  ['br', brotliCompressSync],
  ['deflate', deflateSync],
  ['deflate', deflateRawSync],
] as const)(
  'the encoding %s is undone, and the limit holds for what comes out',
  async (encoding, compress) => {
    const text = 'words '.repeat(10_000);
    const url = await startLoopbackServer((_, response) => {
      response.writeHead(200, { 'content-encoding': encoding }).end(compress(text));
    });
    expect((await fetchUrl(url, ALLOWED)).bytes.toString()).toBe(text);
    await expect(fetchUrl(url, { ...ALLOWED, maxBytes: 10_000 })).rejects.toMatchObject({
      code: 'too_large',
    });
  },
);

test('a damaged or unknown encoding, and a status of failure, are errors', async () => {
  const url = await startLoopbackServer((request, response) => {
    if (request.url === '/gone') response.writeHead(410).end();
    else
      response.writeHead(200, { 'content-encoding': request.url === '/zip' ? 'gzip' : 'odd' }).end('no gzip');
  });
  await expect(fetchUrl(`${url}/zip`, ALLOWED)).rejects.toMatchObject({
    code: 'fetch_failed',
    message: expect.stringMatching(/damaged/),
  });
  await expect(fetchUrl(`${url}/odd`, ALLOWED)).rejects.toMatchObject({
    code: 'fetch_failed',
    message: expect.stringMatching(/not known/),
  });
  await expect(fetchUrl(`${url}/gone`, ALLOWED)).rejects.toMatchObject({
    code: 'fetch_failed',
    message: expect.stringMatching(/410/),
  });
});

test('redirects are followed up to a limit', async () => {
  const url = await startLoopbackServer((request, response) => {
    const step = Number(request.url?.slice(1));
    if (step === 0) response.end('arrived');
    else response.writeHead(302, { location: `/${step - 1}` }).end();
  });
  expect(await fetchUrl(`${url}/5`, ALLOWED)).toMatchObject({
    url: `${url}/0`,
    bytes: Buffer.from('arrived'),
  });
  await expect(fetchUrl(`${url}/6`, ALLOWED)).rejects.toMatchObject({
    code: 'fetch_failed',
    message: expect.stringMatching(/redirects/),
  });
});

test('each redirect is checked like the first address', async () => {
  let isReached = false;
  const inner = await startLoopbackServer((_, response) => {
    isReached = true;
    response.end('secret');
  });
  const outer = await startLoopbackServer((request, response) => {
    const targets: Record<string, string> = {
      '/file': 'file:///etc/passwd',
      '/login': 'http://a:b@example.org/',
    };
    response.writeHead(302, { location: targets[request.url ?? ''] ?? inner }).end();
  });
  const onlyOuter = { mayConnect: (_: string, url: URL) => url.port === new URL(outer).port };
  await expect(fetchUrl(outer, onlyOuter)).rejects.toMatchObject({ code: 'url_refused' });
  await expect(fetchUrl(outer.replace('127.0.0.1', 'localhost'), onlyOuter)).rejects.toMatchObject({
    code: 'url_refused',
  });
  await expect(fetchUrl(`${outer}/file`, onlyOuter)).rejects.toMatchObject({ code: 'url_refused' });
  await expect(fetchUrl(`${outer}/login`, onlyOuter)).rejects.toMatchObject({ code: 'url_refused' });
  expect(isReached).toBe(false);
});

test('a name is connected to only at the addresses that were checked', async () => {
  const url = (await startLoopbackServer((_, response) => response.end('ok'))).replace(
    '127.0.0.1',
    'localhost',
  );
  const asked: string[] = [];
  const mayConnect = (address: string): boolean => {
    asked.push(address);
    return address === '127.0.0.1';
  };
  expect((await fetchUrl(url, { mayConnect })).bytes.toString()).toBe('ok');
  expect(asked).toContain('127.0.0.1');
});

test('a server that says nothing, or only drips, is left at the time limit', async () => {
  const url = await startLoopbackServer((request, response) => {
    if (request.url === '/hang') return;
    response.writeHead(200);
    const drip = setInterval(() => response.write('.'), 10);
    response.on('close', () => clearInterval(drip));
  });
  for (const path of ['/hang', '/drip']) {
    const attempt = fetchUrl(url + path, { ...ALLOWED, fetchTimeoutMs: 150 });
    await expect(attempt).rejects.toMatchObject({
      code: 'fetch_failed',
      message: expect.stringMatching(/longer than 150 ms/),
    });
  }
});

test('a body above the limit is left in the middle', async () => {
  const url = await startLoopbackServer((_, response) => {
    response.writeHead(200);
    const more = (): void => void response.write('x'.repeat(65_536), (error) => error || setImmediate(more));
    more();
  });
  await expect(fetchUrl(url, { ...ALLOWED, maxBytes: 1_000_000 })).rejects.toMatchObject({
    code: 'too_large',
  });
});

test('a connection that breaks off, or is never made, is an error', async () => {
  const server = createServer((socket) => socket.destroy());
  const port = await new Promise<number>((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address ? address.port : 0);
    });
  });
  onTestFinished(() => void server.close());
  await expect(fetchUrl(`http://127.0.0.1:${port}/`, ALLOWED)).rejects.toMatchObject({
    code: 'fetch_failed',
  });
  await expect(fetchUrl('http://127.0.0.1:1/', ALLOWED)).rejects.toMatchObject({ code: 'fetch_failed' });
});

test('a fetch ends when its signal aborts', async () => {
  const stop = new AbortController();
  const url = await startLoopbackServer(() => stop.abort());
  await expect(fetchUrl(url, { ...ALLOWED, signal: stop.signal })).rejects.toMatchObject({ code: 'aborted' });
});
