import { createServer } from 'node:net';
import { describe, expect, test } from 'vitest';
import { usePrivateRedis } from '../support/redis.ts';
import { jsonOf, runCli, startCli } from '../support/run-cli.ts';

const redis = usePrivateRedis();

/** A port that was free a moment ago. */
function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

describe('stacklore serve', () => {
  test('answers until it is asked to end, and ends well', async () => {
    const port = await freePort();
    const server = startCli(['serve', '--port', String(port), '--redis-url', redis.url]);
    await server.said('listening');
    expect(await (await fetch(`http://127.0.0.1:${port}/readyz`)).json()).toEqual({ status: 'ready' });
    server.signal('SIGTERM');
    const { exitCode, stdout } = await server.result;
    expect(exitCode).toBe(0);
    expect(stdout).toBe(
      `Listening on http://127.0.0.1:${port}\nSearch page: http://127.0.0.1:${port}/\nAPI docs: http://127.0.0.1:${port}/docs\nStopped.\n`,
    );
  });

  test.each([
    [['--port', '70000'], /--port/],
    [['--host', '0.0.0.0', '--port', '0'], /stacklore api-keys create/],
    [['--cors-origin', 'books'], /--cors-origin/],
    [['--log-level', 'loud'], /--log-level/],
  ])('does not start with %j', async (flags, said) => {
    const { exitCode, stderr } = await runCli(['serve', ...flags, '--redis-url', redis.url]);
    expect(stderr).toMatch(said);
    expect(exitCode).toBe(2);
  });
});

describe('stacklore api-keys', () => {
  const run = (...args: string[]) => runCli(['api-keys', ...args, '--redis-url', redis.url]);

  test('makes a key, lists it without its token, and revokes it', async () => {
    const made = jsonOf(await run('create', 'site', '--collection', 'docs', '--json'));
    expect(made).toMatchObject({ name: 'site', scopes: ['read'], collections: ['docs'] });
    const listed = await run('list');
    expect(listed.stdout).toMatch(new RegExp(`${made.keyId} +site +read +documents +collections docs`));
    expect(listed.stdout).not.toContain(String(made.token));
    expect((await run('revoke', String(made.keyId))).stdout).toBe(`Revoked ${made.keyId}.\n`);
    expect((await run('list')).stdout).toContain('revoked 2');
  });

  test('opens every family with "all"', async () => {
    const made = jsonOf(await run('create', 'me', '--family', 'all', '--scope', 'admin', '--json'));
    expect(made.families).toHaveLength(8);
  });

  test.each([
    [['create', ''], 2, /name/],
    [['create', 'x', '--scope', 'all'], 2, /--scope/],
    [['create', 'x', '--expires', 'soon'], 2, /--expires/],
    [['revoke', 'nobody'], 1, /stacklore api-keys list/],
  ])('refuses %j', async (args, code, said) => {
    const { exitCode, stderr } = await run(...args);
    expect(stderr).toMatch(said);
    expect(exitCode).toBe(code);
  });
});
