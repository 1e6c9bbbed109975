import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { type ConfigInput, loadConfig } from '../../src/config.ts';
import { connectDatabases, type Databases } from '../../src/redis/databases.ts';
import { type GuardedServer, openGuard } from '../../src/redis/guarded-server.ts';
import { freePort } from '../../src/redis/loopback-port.ts';
import { type PrivateRedis, startPrivateRedis } from '../../src/redis/private-redis.ts';
import { shortFolderPrefix } from '../../src/redis/socket-path.ts';
import { serverFiles } from '../support/provisioned.ts';
import { usePrivateRedis } from '../support/redis.ts';
import { CERTIFICATE_FILE, KEY_FILE, startTlsProxy, type TlsProxy } from '../support/tls-proxy.ts';

const redis = usePrivateRedis({ port: 'free' });
const opened: Databases[] = [];

function connect(settings: ConfigInput): Databases {
  const databases = connectDatabases(loadConfig({ settings: redis.config(settings), env: {} }));
  opened.push(databases);
  return databases;
}

afterEach(async () => {
  await Promise.all(opened.splice(0).map((databases) => databases.close()));
});

describe('a server over TCP', () => {
  it('is reached', async () => {
    const { main } = connect({ redisUrl: `redis://127.0.0.1:${redis.port}` });
    expect(await main.send(['PING'])).toBe('PONG');
  });

  it('is told apart from one that speaks TLS', async () => {
    const { main } = connect({ redisUrl: `rediss://127.0.0.1:${redis.port}`, connectTimeoutMs: 300 });
    const failure = expect(main.send(['PING'])).rejects;
    await failure.toMatchObject({ code: 'database_unreachable' });
    await failure.toThrow(/redis:\/\/ instead of rediss:\/\//);
  });
});

describe('a server behind TLS', () => {
  const caFile = CERTIFICATE_FILE;
  let proxy: TlsProxy;
  let redisUrl: string;

  beforeAll(async () => {
    proxy = await startTlsProxy({ path: redis.socketPath });
    redisUrl = `rediss://127.0.0.1:${proxy.port}`;
  });
  afterAll(() => proxy.close());

  it('is reached when its authority is known', async () => {
    const { knowledge } = connect({ redisUrl, tls: { caFile } });
    const bytes = Buffer.alloc(100_000, 0xff);
    expect(await knowledge.send(['ECHO', bytes], { buffers: true })).toEqual(bytes);
  });

  it('is refused when its authority is unknown, at once and with the setting to use', async () => {
    const { knowledge } = connect({ redisUrl, connectTimeoutMs: 60_000 });
    const failure = expect(knowledge.send(['PING'])).rejects;
    await failure.toMatchObject({ code: 'database_unreachable' });
    await failure.toThrow(/cannot be reached: self-signed certificate.*STACKLORE_TLS_CA_FILE/);
  });

  it('is reached unchecked when the configuration says so', async () => {
    const { knowledge } = connect({ redisUrl, tls: { rejectUnauthorized: false } });
    expect(await knowledge.send(['PING'])).toBe('PONG');
  });

  it('is shown the certificate of the configuration', async () => {
    const { knowledge } = connect({ redisUrl, tls: { caFile, certFile: caFile, keyFile: KEY_FILE } });
    await knowledge.send(['PING']);
    expect(proxy.shown).toEqual(['stacklore test certificate, never trust it']);
  });
});

describe('servers behind sentinels', () => {
  let guard: GuardedServer;
  let other: PrivateRedis;
  let sentinelPort: number;
  let redisUrl: string;

  beforeAll(async () => {
    other = await startPrivateRedis({ files: serverFiles(), port: 'free' });
    guard = await openGuard(shortFolderPrefix());
    sentinelPort = await freePort();
    const lines = [
      `port ${sentinelPort}`,
      'bind 127.0.0.1',
      `sentinel monitor lore 127.0.0.1 ${redis.port} 1`,
    ];
    const conf = join(guard.folder, 'sentinel.conf');
    writeFileSync(conf, `${lines.join('\n')}\n`);
    const log = join(guard.folder, 'sentinel.log');
    const command = { command: serverFiles().serverPath, args: [conf, '--sentinel'], log };
    const { died } = await guard.start(command, (reason) => new Error(reason));
    died.catch(() => {}); // ends with the test file
    redisUrl = `redis+sentinel://127.0.0.1:1,127.0.0.1:${sentinelPort}/lore`;
  });
  afterAll(async () => {
    await guard.close();
    await other.stop();
  });

  it('are reached at the master, by the first sentinel that answers', async () => {
    const { main, prompts } = connect({ redisUrl, connectTimeoutMs: 30_000 });
    await main.send(['SET', 'by-sentinel', 'yes']);
    expect(await prompts.send(['CLIENT', 'INFO'])).toMatch(/ db=2 /);
    const direct = connect({ redisUrl: redis.url }).main;
    expect(await direct.send(['GET', 'by-sentinel'])).toBe('yes');
  });

  it('carry out transactions and pipelines', async () => {
    const { main } = connect({ redisUrl, connectTimeoutMs: 30_000 });
    expect(
      await main.transaction([
        ['SET', 'a', '1'],
        ['GET', 'a'],
      ]),
    ).toEqual(['OK', '1']);
    expect(
      await main.pipeline([
        ['SET', 'a', '2'],
        ['GET', 'a'],
      ]),
    ).toEqual(['OK', '2']);
  });

  it('are refused when no sentinel knows the master', async () => {
    const unknown = `redis+sentinel://127.0.0.1:${sentinelPort}/nobody`;
    const { main } = connect({ redisUrl: unknown, connectTimeoutMs: 300 });
    await expect(main.send(['PING'])).rejects.toThrow(/no sentinel names a master "nobody"/);
  });

  it('are asked for anew when the master has become a replica, and the command is sent to the new one', async () => {
    const { main } = connect({ redisUrl, connectTimeoutMs: 30_000 });
    await main.send(['PING']);
    const sentinel = connect({ redisUrl: `redis://127.0.0.1:${sentinelPort}` }).main;
    await sentinel.send(['SENTINEL', 'REMOVE', 'lore']);
    await sentinel.send(['SENTINEL', 'MONITOR', 'lore', '127.0.0.1', String(other.port), '1']);
    const old = connect({ redisUrl: redis.url }).main;
    await old.send(['REPLICAOF', '127.0.0.1', String(other.port)]);
    try {
      expect(await main.send(['SET', 'moved', 'yes'])).toBe('OK');
      expect(await connect({ redisUrl: other.url }).main.send(['GET', 'moved'])).toBe('yes');
    } finally {
      await old.send(['REPLICAOF', 'NO', 'ONE']);
    }
  });
});

describe('a cluster', () => {
  let node: PrivateRedis;
  let redisUrl: string;

  beforeAll(async () => {
    const args = ['--cluster-enabled', 'yes', '--cluster-port', String(await freePort())];
    node = await startPrivateRedis({
      files: serverFiles(),
      port: 'free',
      args: [...args, '--cluster-announce-ip', '127.0.0.1'],
    });
    const direct = connectDatabases(
      loadConfig({ settings: node.config({ databases: { main: { number: 0 } } }), env: {} }),
    );
    await direct.main.send(['CLUSTER', 'ADDSLOTSRANGE', '0', '16383']);
    await vi.waitFor(async () => {
      expect(await direct.main.send<string>(['CLUSTER', 'INFO'])).toMatch(/cluster_state:ok/);
    }, 30_000);
    await direct.close();
    redisUrl = `redis+cluster://127.0.0.1:${node.port}`;
  });
  afterAll(() => node?.stop());

  it('keeps all four databases under number 0', async () => {
    const databases = connect({ redisUrl });
    await databases.prompts.send(['SET', 'from-prompts', 'x']);
    expect(await databases.main.send(['GET', 'from-prompts'])).toBe('x');
  });

  it('keeps bytes, and pipelines over many slots', async () => {
    const { main } = connect({ redisUrl });
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, value) => value));
    const keys = Array.from({ length: 50 }, (_, at) => `key-${at}`);
    await main.pipeline(keys.map((key) => ['SET', key, bytes]));
    const replies = await main.pipeline<Buffer>(
      keys.map((key) => ['GET', key]),
      { buffers: true },
    );
    expect(replies.every((reply) => reply.equals(bytes))).toBe(true);
  });

  it('carries out a transaction within one slot', async () => {
    const { main } = connect({ redisUrl });
    expect(
      await main.transaction([
        ['SET', '{lore}:a', '1'],
        ['GET', '{lore}:a'],
      ]),
    ).toEqual(['OK', '1']);
  });

  it('refuses a transaction over several slots, whole', async () => {
    const { main } = connect({ redisUrl });
    await expect(
      main.transaction([
        ['SET', 'one', '1'],
        ['SET', 'two', '1'],
      ]),
    ).rejects.toThrow(/different nodes.*hash tag/);
    expect(await main.send(['EXISTS', 'one'])).toBe(0);
  });

  it('runs scripts at the node of their key', async () => {
    const { main } = connect({ redisUrl });
    expect(await main.send(['EVAL', "return redis.call('INCR', KEYS[1])", '1', 'scripted'])).toBe(1);
  });

  it('rejects what Redis refuses with a code', async () => {
    const { main } = connect({ redisUrl });
    await main.send(['SET', 'text', 'x']);
    await expect(main.send(['HGET', 'text', 'f'])).rejects.toMatchObject({ code: 'database_error' });
  });

  it('is reached again after its node was down', async () => {
    const { main } = connect({ redisUrl, connectTimeoutMs: 30_000 });
    await main.send(['SET', 'kept', 'yes']);
    await node.restart();
    await expect.poll(() => main.send(['GET', 'kept']).catch(() => 'down'), { timeout: 30_000 }).toBe('yes');
  });

  it('is given up on when no node can be reached', async () => {
    const { main } = connect({ redisUrl: 'redis+cluster://127.0.0.1:1,127.0.0.1:2', connectTimeoutMs: 300 });
    await expect(main.send(['PING'])).rejects.toMatchObject({ code: 'database_unreachable' });
  });
});
