import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { processStart } from '../../src/provision/file-lock.mjs';
import { openControl } from '../../src/redis/control-connection.mjs';
import { startPrivateRedis } from '../../src/redis/private-redis.ts';
import { serverFiles } from '../support/provisioned.ts';
import { usePrivateRedis } from '../support/redis.ts';
import { runTypeScript } from '../support/run-typescript.ts';

const PROGRAM = new URL('./programs/private.ts', import.meta.url);
const redis = usePrivateRedis();

test('answers on its own socket with a search module', async () => {
  expect(await ask(redis.socketPath, ['FT._LIST'])).toEqual([]);
  expect(redis.config({ searchTimeoutMs: 7 })).toMatchObject({ redisUrl: redis.url, searchTimeoutMs: 7 });
});

test('keeps what was written through a kill and a restart', async () => {
  await ask(redis.socketPath, ['SET', 'note', 'kept']);
  await sleep(1_500);
  const killed = redis.pid;
  await redis.kill();
  expect(processStart(killed)).toBeUndefined();
  await redis.restart();
  expect(redis.pid).not.toBe(killed);
  expect(await ask(redis.socketPath, ['GET', 'note'])).toBe('kept');
});

test('stopping ends the server, removes its folder, and may be done twice', async () => {
  const own = await startPrivateRedis({ files: serverFiles() });
  await own.stop();
  expect(processStart(own.pid)).toBeUndefined();
  expect(existsSync(dirname(own.socketPath))).toBe(false);
  await own.stop();
  await expect(own.restart()).rejects.toMatchObject({ code: 'server_failed' });
});

test('data in a given folder stay for the next server', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'stacklore-test-'));
  const first = await startPrivateRedis({ files: serverFiles(), dir });
  await ask(first.socketPath, ['SET', 'note', 'kept']);
  await first.stop();
  const second = await startPrivateRedis({ files: serverFiles(), dir });
  expect(await ask(second.socketPath, ['GET', 'note'])).toBe('kept');
  await second.stop();
  rmSync(dir, { recursive: true });
});

test('takes arguments and opens a loopback port when asked', async () => {
  const own = await startPrivateRedis({ files: serverFiles(), port: 'free', args: ['--appendonly', 'no'] });
  expect(await ask(own.socketPath, ['CONFIG', 'GET', 'appendonly'])).toEqual(['appendonly', 'no']);
  const socket = connect(own.port, '127.0.0.1');
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  socket.destroy();
  await own.stop();
});

test('a search module that is built in refuses partial answers too', async () => {
  const { serverPath, modulePath } = serverFiles();
  const own = await startPrivateRedis({
    files: { serverPath, origin: 'given' },
    args: modulePath === undefined ? [] : ['--loadmodule', modulePath],
  });
  expect(await ask(own.socketPath, ['FT.CONFIG', 'GET', 'ON_TIMEOUT'])).toEqual([['ON_TIMEOUT', 'fail']]);
  await own.stop();
});

test('a refused start is told with the last words of the server', async () => {
  const start = startPrivateRedis({ files: serverFiles(), args: ['--no-such-setting', '1'] });
  await expect(start).rejects.toMatchObject({
    code: 'server_failed',
    message: expect.stringContaining('no-such-setting'),
  });
  await expect(
    startPrivateRedis({ files: { serverPath: '/nowhere/redis-server', origin: 'given' } }),
  ).rejects.toMatchObject({ code: 'server_failed', message: expect.stringContaining('ENOENT') });
});

test.each(['SIGINT', 'SIGKILL'] as const)(
  '%s to a program leaves neither server nor folder behind',
  async (signal) => {
    const program = runTypeScript(PROGRAM, [JSON.stringify(serverFiles())], { detached: true });
    await program.printed('}\n');
    const { pid, socketPath } = JSON.parse(program.output()) as { pid: number; socketPath: string };
    expect(processStart(pid)).toBeDefined();
    // To the whole process group, as a terminal does it.
    process.kill(-(program.process.pid ?? 0), signal);
    await program.ended;
    while (processStart(pid) !== undefined || existsSync(dirname(socketPath))) await sleep(20);
  },
);

test('a program that forgets to stop its server can end', async () => {
  const program = runTypeScript(PROGRAM, [JSON.stringify(serverFiles()), 'forget']);
  expect(await program.ended).toBe(0);
  const { pid, socketPath } = JSON.parse(program.output()) as { pid: number; socketPath: string };
  while (processStart(pid) !== undefined || existsSync(dirname(socketPath))) await sleep(20);
});

async function ask(socketPath: string, command: readonly string[]): Promise<unknown> {
  const connection = await openControl(socketPath);
  try {
    return await connection.send(command);
  } finally {
    connection.close();
  }
}
