import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { stopEmbeddedRedis } from '../../src/redis/embedded.ts';
import { openTestLore } from '../support/lore.ts';
import { serverFiles } from '../support/provisioned.ts';
import { usePrivateRedis } from '../support/redis.ts';
import { jsonOf, startCli } from '../support/run-cli.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const redis = usePrivateRedis();

it('starts the embedded server, finds it again, and stops it', async () => {
  const home = temporaryFolder();
  onTestFinished(() => stopEmbeddedRedis(loadConfig({ settings: { home }, env: {} })).then(() => undefined));
  const env = { STACKLORE_HOME: home, STACKLORE_SERVER: serverFiles().serverPath };
  const run = async (...args: string[]) => {
    const result = await startCli([...args, '--json'], { env }).result;
    expect(result).toMatchObject({ exitCode: 0, stderr: '' });
    return jsonOf(result);
  };
  const up = await run('up');
  expect(up).toMatchObject({ started: true, socketPath: expect.stringContaining('redis.sock') });
  expect(await run('up')).toEqual({ ...up, started: false });
  expect(await run('status')).toMatchObject({ server: { embedded: true }, collections: [] });
  expect(await run('down')).toEqual({ stopped: true });
  expect(await run('down')).toEqual({ stopped: false });
});

it('says that a server started beside a configured one is not the one that commands use', async () => {
  const home = temporaryFolder();
  onTestFinished(() => stopEmbeddedRedis(loadConfig({ settings: { home }, env: {} })).then(() => undefined));
  const env = {
    STACKLORE_HOME: home,
    STACKLORE_SERVER: serverFiles().serverPath,
    REDIS_URL: 'redis://127.0.0.1:1',
  };
  const { exitCode, stderr } = await startCli(['up'], { env }).result;
  expect(exitCode).toBe(0);
  expect(stderr).toContain('other commands use that server');
});

it('ends with exit code 3 and one line when nothing listens', async () => {
  const env = {
    STACKLORE_HOME: temporaryFolder(),
    REDIS_URL: 'redis://user:s3cret@127.0.0.1:1',
    STACKLORE_CONNECT_TIMEOUT_MS: '50',
  };
  const { exitCode, stdout, stderr } = await startCli(['docs', 'list'], { env }).result;
  expect({ exitCode, stdout }).toEqual({ exitCode: 3, stdout: '' });
  expect(stderr).toMatch(/^stacklore: The knowledge database .* cannot be reached.*REDIS_URL\.\n$/);
  expect(stderr).not.toContain('s3cret');
});

it('does not mind that its reader has seen enough', async () => {
  const lore = openTestLore(redis);
  const text = 'Word after word after word. '.repeat(20_000);
  await lore.ingestTexts([{ text, source: 'long.md', docId: 'long' }], { collection: 'long' });
  const files = ['../support/typescript-hooks.mjs', '../../src/cli/main.ts'].map((file) =>
    fileURLToPath(new URL(file, import.meta.url)),
  );
  // `head` closes the pipe after its first line, long before the document of 560 kB is through.
  const line = '"$0" --import "$1" "$2" docs show long | head -n 1';
  const { stdout, stderr } = await promisify(execFile)('sh', ['-c', line, process.execPath, ...files], {
    env: { PATH: process.env.PATH, STACKLORE_HOME: `${redis.dir}/home`, REDIS_URL: redis.url },
  });
  expect({ stdout, stderr }).toEqual({ stdout: 'docId: long\n', stderr: '' });
});
