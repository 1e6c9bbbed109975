import { type AddressInfo, createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type ConfigInput, loadConfig } from '../../src/config.ts';
import { type ConnectOptions, connectDatabases, type Databases } from '../../src/redis/databases.ts';

const opened: Databases[] = [];

function connect(settings: ConfigInput, options?: ConnectOptions): Databases {
  const databases = connectDatabases(
    loadConfig({ settings: { home: '/nowhere', ...settings }, env: {} }),
    options,
  );
  opened.push(databases);
  return databases;
}

/** Nothing listens on port 1 of loopback. */
const NO_SERVER = 'redis://ann:secret@127.0.0.1:1';

afterEach(async () => {
  await Promise.all(opened.splice(0).map((databases) => databases.close()));
});

describe('connectDatabases', () => {
  it('gives the four named databases without connecting or asking for the embedded server', () => {
    let asked = 0;
    const embeddedSocket = async () => {
      asked += 1;
      return '/nowhere/redis.sock';
    };
    const databases = connect({}, { embeddedSocket });
    expect(databases.main.name).toBe('main');
    expect(databases.knowledge.name).toBe('knowledge');
    expect(databases.prompts.name).toBe('prompts');
    expect(databases.analytics.name).toBe('analytics');
    expect(asked).toBe(0);
  });

  it('waits for a replica behind sentinels, and for none elsewhere unless told to', () => {
    const of = (redisUrl: string, replicas?: number) =>
      connect({ redisUrl, ...(replicas !== undefined && { confirm: { replicas } }) }).main.confirms;
    expect(of('redis+sentinel://localhost/lore')).toBe(true);
    expect(of('redis+sentinel://localhost/lore', 0)).toBe(false);
    expect(of('redis://localhost')).toBe(false);
    expect(of('redis://localhost', 1)).toBe(true);
    expect(connect({ confirm: { replicas: 1 } }).main.confirms).toBe(false);
    expect(() => of('redis+cluster://localhost', 1)).toThrow(
      /STACKLORE_CONFIRM_REPLICAS.*min-replicas-to-write/,
    );
  });

  it('refuses a URL it cannot read, naming the setting', () => {
    const url = 'redis://localhost/lore';
    expect(() => connect({ databases: { prompts: { url } } })).toThrow(/STACKLORE_PROMPTS_URL/);
    expect(() => connect({ redisUrl: url })).toThrow(/REDIS_URL/);
  });

  it('refuses a database number on a cluster', () => {
    const databases = { prompts: { url: 'redis+cluster://localhost', number: 2 } };
    expect(() => connect({ databases })).toThrow(/STACKLORE_PROMPTS_URL names a cluster/);
  });

  it('says once that the number in the URL of all databases is not used', () => {
    const notices: string[] = [];
    connect({ redisUrl: 'redis://localhost/5' }, { onNotice: (text) => notices.push(text) });
    expect(notices).toEqual([expect.stringMatching(/number 5 in REDIS_URL is not used/)]);
  });

  it('names database and place without the password when the server cannot be reached', async () => {
    const { analytics } = connect({ redisUrl: NO_SERVER, connectTimeoutMs: 200 });
    const failure = expect(analytics.send(['PING'])).rejects;
    await failure.toMatchObject({ code: 'database_unreachable' });
    await failure.toThrow(/^The analytics database \(redis:\/\/127\.0\.0\.1:1\/3\) cannot be reached/);
    await failure.toThrow(/Start that server, or correct REDIS_URL/);
    await failure.not.toThrow(/secret/);
  });

  it('tries a limited number of times', async () => {
    let attempts = 0;
    const server = createServer((socket) => {
      attempts += 1;
      socket.destroy();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo; // a TCP server's address is never a path
    const { main } = connect({ redisUrl: `redis://127.0.0.1:${port}`, connectTimeoutMs: 60_000 });
    await expect(main.send(['PING'])).rejects.toThrow(/cannot be reached after 8 attempts.*rediss:/);
    expect(attempts).toBe(8);
    await new Promise((resolve) => server.close(resolve));
  });

  it('tries anew with the next command after it gave up', async () => {
    const { main } = connect({ redisUrl: NO_SERVER, connectTimeoutMs: 100 });
    const first = await main.send(['PING']).catch((error: unknown) => error);
    const second = await main.send(['PING']).catch((error: unknown) => error);
    expect(second).toMatchObject({ code: 'database_unreachable' });
    expect(second).not.toBe(first);
  });

  it('lets commands that come together share one attempt to connect', async () => {
    let asked = 0;
    const embeddedSocket = async () => {
      asked += 1;
      return '/nowhere/redis.sock';
    };
    const { main } = connect({ connectTimeoutMs: 100 }, { embeddedSocket });
    await Promise.allSettled([main.send(['PING']), main.pipeline([['PING']]), main.transaction([['PING']])]);
    expect(asked).toBe(1);
  });

  it('names stacklore up when the embedded server cannot be reached', async () => {
    const { main } = connect(
      { connectTimeoutMs: 100 },
      { embeddedSocket: async () => '/nowhere/redis.sock' },
    );
    await expect(main.send(['PING'])).rejects.toThrow(/stacklore up/);
  });

  it('passes on why the embedded server could not be started', async () => {
    const reason = new Error('no server for this machine');
    const { main } = connect({}, { embeddedSocket: () => Promise.reject(reason) });
    await expect(main.send(['PING'])).rejects.toThrow(reason);
  });

  it('asks for REDIS_URL where there is no embedded server', async () => {
    await expect(connect({}).main.send(['PING'])).rejects.toMatchObject({ code: 'server_unavailable' });
  });

  it('refuses commands after it was closed', async () => {
    const databases = connect({ redisUrl: NO_SERVER });
    await databases.close();
    await expect(databases.main.send(['PING'])).rejects.toThrow(/closed by this program/);
  });

  it('stops trying to connect when it is closed', async () => {
    const databases = connect({ redisUrl: NO_SERVER, connectTimeoutMs: 60_000 });
    const waiting = databases.main.send(['PING']).catch((error: unknown) => error);
    await databases.close();
    expect(await waiting).toMatchObject({ message: expect.stringMatching(/closed by this program/) });
  });

  it('names the TLS file that cannot be read', async () => {
    const { main } = connect({ redisUrl: 'rediss://127.0.0.1:1', tls: { caFile: '/nowhere/ca.crt' } });
    await expect(main.send(['PING'])).rejects.toThrow(/STACKLORE_TLS_CA_FILE/);
  });
});
