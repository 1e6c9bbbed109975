import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { downloadFile, sha256OfFile } from '../../src/provision/download.ts';
import { freePort } from '../../src/redis/loopback-port.ts';
import { startLoopbackServer } from '../support/loopback-server.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const CONTENT = Buffer.from('weights '.repeat(20_000));
const SHA256 = createHash('sha256').update(CONTENT).digest('hex');
const LIMITS = { maxBytes: 1_000_000, connectTimeoutMs: 5_000 };

test('puts the checked file in place and tells the progress', async () => {
  const folder = temporaryFolder();
  const url = await startLoopbackServer((_request, response) => {
    response.setHeader('content-length', CONTENT.length).end(CONTENT);
  });
  const seen: (number | undefined)[] = [];
  const options = { ...LIMITS, to: join(folder, 'file'), sha256: ['0'.repeat(64), SHA256] };
  const file = await downloadFile(url, { ...options, onProgress: (bytes, total) => seen.push(bytes, total) });
  expect(file).toEqual({ bytes: CONTENT.length, sha256: SHA256 });
  expect(readFileSync(join(folder, 'file')).equals(CONTENT)).toBe(true);
  expect(seen.slice(-2)).toEqual([CONTENT.length, CONTENT.length]);
  expect(await sha256OfFile(join(folder, 'file'))).toBe(SHA256);
});

test('follows redirects', async () => {
  const folder = temporaryFolder();
  const url = await startLoopbackServer((request, response) => {
    if (request.url === '/there') response.end(CONTENT);
    else response.writeHead(302, { location: '/there' }).end();
  });
  expect(await downloadFile(url, { ...LIMITS, to: join(folder, 'file') })).toMatchObject({ sha256: SHA256 });
});

test('sends a user and password of the URL as authorization, and tells nobody', async () => {
  const to = join(temporaryFolder(), 'file');
  const seen: (string | undefined)[] = [];
  const url = await startLoopbackServer((request, response) => {
    seen.push(request.headers.authorization);
    response.writeHead(request.url === '/refused' ? 403 : 200).end(CONTENT);
  });
  const withUser = url.replace('http://', 'http://user:s%40cret%@');
  expect(await downloadFile(withUser.replace('%@', '@'), { ...LIMITS, to })).toMatchObject({
    sha256: SHA256,
  });
  expect(seen).toEqual([`Basic ${Buffer.from('user:s@cret').toString('base64')}`]);
  await expect(downloadFile(`${withUser}/refused`, { ...LIMITS, to })).rejects.toThrow(
    `${url}/refused answered 403`,
  );
  const nobody = `http://user:secret@127.0.0.1:${await freePort()}/`;
  const failure = await downloadFile(nobody, { ...LIMITS, to }).catch((error: unknown) => error);
  expect(inspect(failure)).toContain('cannot be reached');
  expect(inspect(failure)).not.toContain('secret');
});

test('leaves a file that was there before untouched when the new one is wrong', async () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'file'), 'before');
  const url = await startLoopbackServer((_request, response) => response.end('<html>log in first</html>'));
  const download = downloadFile(`${url}/model?token=secret`, {
    ...LIMITS,
    to: join(folder, 'file'),
    sha256: [SHA256],
  });
  await expect(download).rejects.toMatchObject({
    code: 'fetch_failed',
    message: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/model gave other content than expected/),
  });
  expect(readFileSync(join(folder, 'file'), 'utf8')).toBe('before');
  expect(readdirSync(folder)).toEqual(['file']);
});

test('says nothing was found for 404, and fails for other answers', async () => {
  const folder = temporaryFolder();
  const url = await startLoopbackServer((request, response) => {
    response.writeHead(request.url === '/gone' ? 404 : 503).end('x');
  });
  expect(await downloadFile(`${url}/gone`, { ...LIMITS, to: join(folder, 'file') })).toBeUndefined();
  await expect(downloadFile(url, { ...LIMITS, to: join(folder, 'file') })).rejects.toThrow('answered 503');
  expect(readdirSync(folder)).toEqual([]);
});

test.each(['declared', 'undeclared'])('stops at a %s size above the limit', async (kind) => {
  const folder = temporaryFolder();
  const url = await startLoopbackServer((_request, response) => {
    if (kind === 'declared') response.setHeader('content-length', CONTENT.length);
    response.end(CONTENT);
  });
  const download = downloadFile(url, { ...LIMITS, maxBytes: 1_000, to: join(folder, 'file') });
  await expect(download).rejects.toMatchObject({ code: 'too_large' });
  expect(readdirSync(folder)).toEqual([]);
});

test('gives up on a host that accepts and never answers', async () => {
  const folder = temporaryFolder();
  const url = await startLoopbackServer(() => undefined);
  const failure = await downloadFile(url, {
    ...LIMITS,
    connectTimeoutMs: 100,
    to: join(folder, 'file'),
  }).catch((error: unknown) => error);
  expect(failure).toMatchObject({
    code: 'fetch_failed',
    message: expect.stringContaining('no answer within 0.1 s'),
  });
});

test('gives up on a host that nobody listens at, and on one without an address', async () => {
  const to = join(temporaryFolder(), 'file');
  // A name below `.invalid` never resolves (RFC 6761).
  for (const host of [`127.0.0.1:${await freePort()}`, 'hub.invalid']) {
    const failure = await downloadFile(`http://${host}/`, { ...LIMITS, to }).catch((error: unknown) => error);
    expect(failure).toMatchObject({
      code: 'fetch_failed',
      message: expect.stringMatching(`^${host} cannot be reached \\(.*(ECONNREFUSED|ENOTFOUND|EAI_AGAIN)`),
    });
  }
});

test.each(['stops sending', 'breaks off'])(
  'fails and leaves nothing when the host %s midway',
  async (kind) => {
    const folder = temporaryFolder();
    const url = await startLoopbackServer((_request, response) => {
      response.setHeader('content-length', CONTENT.length);
      response.write(CONTENT.subarray(0, 1_000), () => kind === 'breaks off' && response.destroy());
    });
    const failure = await downloadFile(url, {
      ...LIMITS,
      idleTimeoutMs: 100,
      to: join(folder, 'file'),
    }).catch((error: unknown) => error);
    expect(failure).toMatchObject({
      code: 'fetch_failed',
      message: expect.stringMatching(/stopped sending|broke off/),
    });
    expect(readdirSync(folder)).toEqual([]);
  },
);
