import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { type ConfigInput, loadConfig } from '../../src/config.ts';
import { connectDatabases, type Databases } from '../../src/redis/databases.ts';
import { type GuardedServer, openGuard } from '../../src/redis/guarded-server.ts';
import { freePort } from '../../src/redis/loopback-port.ts';
import { type PrivateRedis, startPrivateRedis } from '../../src/redis/private-redis.ts';
import { shortFolderPrefix } from '../../src/redis/socket-path.ts';
import { openStacklore } from '../../src/stacklore.ts';
import { serverFiles } from '../support/provisioned.ts';
import { usePrivateRedis } from '../support/redis.ts';
import { CERTIFICATE_FILE, KEY_FILE, startTlsProxy, type TlsProxy } from '../support/tls-proxy.ts';

const redis = usePrivateRedis({ port: 'free' });
const tls = { caFile: CERTIFICATE_FILE, certFile: CERTIFICATE_FILE, keyFile: KEY_FILE };
const opened: Databases[] = [];
const proxies: TlsProxy[] = [];
let redisPasswordFile: string;

function connect(settings: ConfigInput): Databases {
  const databases = connectDatabases(loadConfig({ settings: redis.config(settings), env: {} }));
  opened.push(databases);
  return databases;
}

/** A proxy that takes only clients with our certificate. */
async function encrypt(to: () => number, port?: number): Promise<number> {
  const proxy = await startTlsProxy({ port: to }, { isStrict: true, ...(port !== undefined && { port }) });
  proxies.push(proxy);
  return proxy.port;
}

/** Makes the user `app` with the rights of a writer of main. */
async function addUser(server: PrivateRedis): Promise<void> {
  const { command } = openStacklore({}, { env: {} }).maintenance.userRules({
    ...{ user: 'app', grants: { main: 'writer' }, passwordFile: redisPasswordFile },
  });
  await connect({ redisUrl: server.url, databases: { main: { number: 0 } } }).main.send(command.split(' '));
}

beforeAll(async () => {
  redisPasswordFile = join(redis.dir, 'password');
  writeFileSync(redisPasswordFile, 'first');
  await addUser(redis);
});

afterEach(async () => {
  await Promise.all(opened.splice(0).map((databases) => databases.close()));
});

afterAll(() => Promise.all(proxies.map((proxy) => proxy.close())));

describe('a server that asks for certificates', () => {
  it('lets in who shows one, as a user whose password is in a file', async () => {
    const redisUrl = `rediss://app@localhost:${await encrypt(() => redis.port)}`;
    const { main } = connect({ redisUrl, redisPasswordFile, tls });
    expect(await main.send(['ACL', 'WHOAMI'])).toBe('app');
    const { caFile } = tls;
    const without = connect({ redisUrl, redisPasswordFile, tls: { caFile }, connectTimeoutMs: 300 });
    await expect(without.main.send(['PING'])).rejects.toMatchObject({ code: 'database_unreachable' });
  });
});

describe('encrypted sentinels', () => {
  let guard: GuardedServer;
  afterAll(() => guard?.close());

  it('lead to their encrypted master', async () => {
    guard = await openGuard(shortFolderPrefix());
    const [port, master] = [await freePort(), await encrypt(() => redis.port)];
    const conf = join(guard.folder, 'sentinel.conf');
    writeFileSync(conf, `port ${port}\nbind 127.0.0.1\nsentinel monitor lore 127.0.0.1 ${master} 1\n`);
    const command = {
      command: serverFiles().serverPath,
      args: [conf, '--sentinel'],
      log: join(guard.folder, 'log'),
    };
    (await guard.start(command, (reason) => new Error(reason))).died.catch(() => {});
    const redisUrl = `rediss+sentinel://app@127.0.0.1:${await encrypt(() => port)}/lore`;
    const { main } = connect({ redisUrl, redisPasswordFile, tls, connectTimeoutMs: 30_000 });
    expect(await main.send(['ACL', 'WHOAMI'])).toBe('app');
  });
});

describe('an encrypted cluster', () => {
  let node: PrivateRedis;
  let redisUrl: string;

  beforeAll(async () => {
    // Nodes tell clients the ports that they announce.
    const announced = await freePort();
    const args = ['--cluster-enabled', 'yes', '--cluster-port', String(await freePort())];
    node = await startPrivateRedis({
      files: serverFiles(),
      port: 'free',
      args: [...args, '--cluster-announce-ip', '127.0.0.1', '--cluster-announce-port', String(announced)],
    });
    await encrypt(() => node.port, announced);
    const direct = connect({ redisUrl: node.url, databases: { main: { number: 0 } } }).main;
    await direct.send(['CLUSTER', 'ADDSLOTSRANGE', '0', '16383']);
    await vi.waitFor(async () => {
      expect(await direct.send<string>(['CLUSTER', 'INFO'])).toMatch(/cluster_state:ok/);
    }, 30_000);
    await addUser(node);
    redisUrl = `rediss+cluster://app@127.0.0.1:${announced}`;
  });
  afterAll(() => node?.stop());

  it('takes a user with the rights of a role', async () => {
    const { main } = connect({ redisUrl, redisPasswordFile, tls });
    expect(await main.send(['ACL', 'WHOAMI'])).toBe('app');
    expect(await main.send(['HSET', 'session:a', 'user_id', 'ann'])).toBe(1);
    await expect(main.send(['HSET', 'other', 'a', 'b'])).rejects.toMatchObject({ code: 'database_auth' });
  });

  it('is reached with a rotated password when its connections are opened again', async () => {
    const { main } = connect({ redisUrl, redisPasswordFile, tls });
    await main.send(['PING']);
    writeFileSync(redisPasswordFile, 'second');
    await addUser(node);
    const direct = connect({ redisUrl: node.url, databases: { main: { number: 0 } } }).main;
    await direct.send(['CLIENT', 'KILL', 'USER', 'app']);
    await expect
      .poll(() => main.send(['ACL', 'WHOAMI']).catch(() => 'away'), { timeout: 10_000 })
      .toBe('app');
  });

  it('refuses a file that is not there by its name', async () => {
    const gone = connect({ redisUrl, redisPasswordFile: '/nowhere/password', tls });
    const failure = expect(gone.main.send(['PING'])).rejects;
    await failure.toMatchObject({ code: 'invalid_config' });
    await failure.toThrow(/REDIS_PASSWORD_FILE\) names the file \/nowhere\/password/);
  });
});
