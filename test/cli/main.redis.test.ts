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

const NAMES = ['MAIN', 'KNOWLEDGE', 'PROMPTS', 'ANALYTICS'];
it.each([
  ['REDIS_URL', { REDIS_URL: 'redis://user:s3cret@127.0.0.1:1' }],
  [
    'URLs of all four databases',
    Object.fromEntries(NAMES.map((name) => [`STACKLORE_${name}_URL`, 'redis://user:s3cret@127.0.0.1:1'])),
  ],
])('starts no embedded server that no command would use: %s', async (named, urls) => {
  const home = temporaryFolder();
  const env = { STACKLORE_HOME: home, STACKLORE_SERVER: serverFiles().serverPath, ...urls };
  const { exitCode, stderr } = await startCli(['up'], { env }).result;
  expect(exitCode).toBe(2);
  expect(stderr).toContain(`No server was started: ${named}`);
  expect(stderr).toContain('stacklore status');
  expect(stderr).not.toContain('s3cret');
  expect(await stopEmbeddedRedis(loadConfig({ settings: { home }, env: {} }))).toEqual({ stopped: false });
});

it('starts the embedded server where a database is still on it', async () => {
  const home = temporaryFolder();
  onTestFinished(() => stopEmbeddedRedis(loadConfig({ settings: { home }, env: {} })).then(() => undefined));
  const own = { STACKLORE_SERVER: serverFiles().serverPath, STACKLORE_MAIN_URL: redis.url };
  const { exitCode } = await startCli(['up'], { env: { STACKLORE_HOME: home, ...own } }).result;
  expect(exitCode).toBe(0);
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
