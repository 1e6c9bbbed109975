import { createConnection, createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type ConfigInput, loadConfig } from '../../src/config.ts';
import { connectDatabases, type Databases } from '../../src/redis/databases.ts';
import { scanKeys } from '../../src/redis/scan.ts';
import { usePrivateRedis } from '../support/redis.ts';

const redis = usePrivateRedis({ args: ['--enable-debug-command', 'local'] });
const opened: Databases[] = [];

function connect(settings: ConfigInput = {}, onNotice?: (text: string) => void): Databases {
  const config = loadConfig({ settings: redis.config(settings), env: {} });
  const databases = connectDatabases(config, onNotice ? { onNotice } : {});
  opened.push(databases);
  return databases;
}

afterEach(async () => {
  await Promise.all(opened.splice(0).map((databases) => databases.close()));
});

describe('deadlines', () => {
  it('end the wait for a server that hangs, also for commands already sent', async () => {
    const { main } = connect({ connectTimeoutMs: 30_000 });
    await main.send(['PING']);
    process.kill(redis.pid, 'SIGSTOP');
    try {
      const failures = await Promise.all(
        [
          main.send(['GET', 'key'], { timeoutMs: 100 }),
          main.pipeline([['GET', 'key']], { timeoutMs: 100 }),
          main.transaction([['GET', 'key']], { timeoutMs: 100 }),
        ].map((reply) => reply.catch((error: unknown) => error)),
      );
      for (const failure of failures) expect(failure).toMatchObject({ code: 'database_timeout' });
      expect(failures[0]).toMatchObject({
        message: expect.stringMatching(/did not answer GET within 100 ms/),
      });
    } finally {
      process.kill(redis.pid, 'SIGCONT');
    }
    expect(await main.send(['PING'])).toBe('PONG');
  });

  it('end the wait for a connection to a server that hangs', async () => {
    const { main } = connect({ connectTimeoutMs: 200 });
    process.kill(redis.pid, 'SIGSTOP');
    try {
      await expect(main.send(['PING'])).rejects.toMatchObject({ code: 'database_unreachable' });
    } finally {
      process.kill(redis.pid, 'SIGCONT');
    }
    expect(await main.send(['PING'])).toBe('PONG');
  });

  it('replace a connection on which nothing arrives, so that later commands do not queue behind', async () => {
    const { main } = connect();
    await main.send(['PING']);
    const blocked = main.send(['BLPOP', 'never', '0'], { timeoutMs: 100 });
    await expect(blocked).rejects.toMatchObject({ code: 'database_timeout' });
    expect(await main.send(['PING'])).toBe('PONG');
    const connections = async () =>
      (await main.send<string>(['CLIENT', 'LIST', 'TYPE', 'normal'])).trim().split('\n');
    await expect.poll(connections).toHaveLength(1);
  });

  it('let other commands on a replaced connection have their answers', async () => {
    const { main } = connect();
    await main.send(['PING']);
    const impatient = main.send(['BLPOP', 'list', '0'], { timeoutMs: 100 });
    const patient = main.send(['ECHO', 'still here']);
    await expect(impatient).rejects.toMatchObject({ code: 'database_timeout' });
    await main.send(['RPUSH', 'list', 'x']);
    expect(await patient).toBe('still here');
  });
});

describe('a connection that breaks', () => {
  it('rejects what was under way as perhaps carried out, and is made again for the next command', async () => {
    const { main, analytics } = connect();
    const [id] = await Promise.all([main.send<number>(['CLIENT', 'ID']), analytics.send(['PING'])]);
    const blocked = main.send(['BLPOP', 'never', '0']);
    const pipeline = main.pipeline([['PING'], ['INCR', 'counted']]);
    await analytics.send(['CLIENT', 'KILL', 'ID', String(id)]);
    await expect(blocked).rejects.toMatchObject({ code: 'database_unreachable' });
    await expect(blocked).rejects.toThrow(/BLPOP.*may or may not have been carried out/);
    await expect(pipeline).rejects.toMatchObject({ code: 'database_unreachable' });
    expect(await main.send(['PING'])).toBe('PONG');
  });

  it('is made again without the caller noticing when it broke while idle', async () => {
    const { main, analytics } = connect();
    const id = await main.send<number>(['CLIENT', 'ID']);
    await analytics.send(['CLIENT', 'KILL', 'ID', String(id)]);
    await expect.poll(() => main.send(['PING']).catch(() => 'broken')).toBe('PONG');
  });

  it('leaves a transaction undone when it breaks in the middle', async () => {
    const { main, analytics } = connect();
    const proxyPath = join(redis.dir, 'cut.sock');
    // Passes on what it gets until it has seen the second command of the transaction, then cuts both ends.
    const proxy = createServer((client) => {
      const server = createConnection(redis.socketPath);
      server.on('error', () => {}).pipe(client);
      client
        .on('error', () => {})
        .on('data', (bytes) => {
          if (!bytes.includes('cut here')) return void server.write(bytes);
          server.write(bytes.subarray(0, bytes.indexOf('cut here')), () => server.destroy());
          client.destroy();
        });
    });
    await new Promise<void>((resolve) => proxy.listen(proxyPath, resolve));
    const cut = connect({ redisUrl: `unix:${proxyPath}` }).main;
    await cut.send(['PING']);
    await expect(
      cut.transaction([
        ['SET', 'half', '1'],
        ['SET', 'other', 'cut here'],
      ]),
    ).rejects.toMatchObject({
      code: 'database_unreachable',
    });
    expect(await main.send(['EXISTS', 'half'])).toBe(0);
    await Promise.all([cut.close(), analytics.close()]);
    await new Promise((resolve) => proxy.close(resolve));
  });

  it('is made again once a server that died is back', async () => {
    const { main } = connect({ connectTimeoutMs: 30_000 });
    await main.send(['SET', 'kept', 'yes']);
    const blocked = main.send(['BLPOP', 'never', '0']).catch((error: unknown) => error);
    await redis.restart();
    expect(await blocked).toMatchObject({ code: 'database_unreachable' });
    expect(await main.send(['GET', 'kept'])).toBe('yes');
  });

  it('waits for a server that starts meanwhile', async () => {
    const { main } = connect({ connectTimeoutMs: 60_000 });
    await redis.kill();
    const waiting = main.send(['PING']);
    await redis.restart();
    expect(await waiting).toBe('PONG');
  });
});

describe('a server that loads its data', () => {
  it('is waited for, with notices', async () => {
    const notices: string[] = [];
    const { main, analytics } = connect({}, (text) => notices.push(text));
    for await (const keys of scanKeys(main, '*')) if (keys.length > 0) await main.send(['UNLINK', ...keys]);
    await main.pipeline(Array.from({ length: 3_000 }, (_, at) => ['SET', `key ${at}`, 'x'.repeat(100)]));
    await main.send([
      'CONFIG',
      'SET',
      'key-load-delay',
      '500',
      'loading-process-events-interval-bytes',
      '1024',
    ]);
    let isReloading = true;
    const reload = analytics.send(['DEBUG', 'RELOAD']).finally(() => {
      isReloading = false;
    });
    const sizes = new Set<number>();
    while (isReloading) sizes.add(await main.send<number>(['DBSIZE']));
    await reload;
    expect([...sizes]).toEqual([3_000]);
    expect(notices[0]).toMatch(
      /^Waiting for the main database \(unix:.*\): it is loading its data \(\d+ %\)\.$/,
    );
  });

  it('is waited for by transactions and pipelines, which are carried out once', async () => {
    const notices: string[] = [];
    const { main, knowledge, analytics } = connect({}, (text) => notices.push(text));
    await Promise.all([main.send(['PING']), knowledge.send(['PING'])]);
    let isReloading = true;
    const reload = analytics.send(['DEBUG', 'RELOAD']).finally(() => {
      isReloading = false;
    });
    let rounds = 0;
    while (isReloading) {
      rounds += 1;
      await Promise.all([main.transaction([['INCR', 'moved']]), knowledge.pipeline([['INCR', 'piped']])]);
    }
    await reload;
    expect(await main.send(['MGET', 'moved', 'piped'])).toEqual([String(rounds), String(rounds)]);
    expect(notices).not.toEqual([]);
  });

  it('is given up on after four times the deadline of a command', async () => {
    const { main, analytics } = connect({ commandTimeoutMs: 100 });
    await main.send(['CONFIG', 'SET', 'key-load-delay', '500'], { timeoutMs: 5_000 });
    let failure: unknown;
    const reload = analytics.send(['DEBUG', 'RELOAD'], { timeoutMs: 60_000 });
    while (failure === undefined) {
      failure = await main.send(['DBSIZE'], { timeoutMs: 5_000 }).then(
        () => undefined,
        (error: unknown) => error,
      );
    }
    await reload;
    expect(failure).toMatchObject({
      code: 'database_timeout',
      message: expect.stringMatching(/STACKLORE_COMMAND_TIMEOUT_MS/),
    });
  });
});
