import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ConfigInput, loadConfig } from '../../src/config.ts';
import { connectDatabases } from '../../src/redis/databases.ts';
import { type GuardedServer, openGuard } from '../../src/redis/guarded-server.ts';
import { freePort } from '../../src/redis/loopback-port.ts';
import { type PrivateRedis, startPrivateRedis } from '../../src/redis/private-redis.ts';
import { shortFolderPrefix } from '../../src/redis/socket-path.ts';
import { serverFiles } from './provisioned.ts';

/** A sentinel of a test's own. */
export interface PrivateSentinel {
  readonly port: number;
  readonly pid: number;
  /** Ends it as a crash would; what it knows stays for `start`. */
  kill(): Promise<void>;
  start(): Promise<void>;
}

/** A master with replicas, watched by real sentinels. */
export interface PrivateSentinels {
  readonly url: string;
  /** The servers, first the one that was master at the start. */
  readonly servers: readonly PrivateRedis[];
  readonly sentinels: readonly PrivateSentinel[];
  /** Settings that send all databases to whichever server is the master. */
  config(overrides?: ConfigInput): ConfigInput;
  /** The server that most sentinels name as the master. */
  master(): Promise<PrivateRedis>;
  /** Kills the master and gives the one that has taken its place, when every running sentinel names it. */
  failOver(kill?: (master: PrivateRedis) => Promise<void>): Promise<PrivateRedis>;
  /** Resolves when all other servers are replicas of the master and have what it had. */
  inSync(): Promise<void>;
  stop(): Promise<void>;
}

export interface PrivateSentinelsOptions {
  readonly files?: PrivateRedis['files'];
  readonly replicas?: number;
  readonly sentinels?: number;
  /** How long a master may be silent before sentinels agree that it is gone. */
  readonly downAfterMs?: number;
  /** Further arguments of each redis-server. */
  readonly args?: readonly string[];
}

const MASTER = 'lore';
const POLL_MS = 50;
/** A replica is sent the whole data set at once, and told to answer each second. */
const SERVER_ARGS = ['--repl-diskless-sync-delay', '0', '--repl-ping-replica-period', '1'];

/** Starts servers and sentinels; they end with `stop`, or with this program. */
export async function startPrivateSentinels({
  files = serverFiles(),
  replicas = 2,
  sentinels: count = 3,
  downAfterMs = 700,
  args = [],
}: PrivateSentinelsOptions = {}): Promise<PrivateSentinels> {
  const closers: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => void (await Promise.all(closers.splice(0).map((close) => close())));
  try {
    const start = async (more: readonly string[] = []) => {
      const server = await startPrivateRedis({
        files,
        port: 'free',
        args: [...SERVER_ARGS, ...args, ...more],
      });
      closers.push(() => server.stop());
      return server;
    };
    const first = await start();
    const replicaOf = ['--replicaof', '127.0.0.1', String(first.port)];
    const servers = [first, ...(await Promise.all(Array.from({ length: replicas }, () => start(replicaOf))))];
    const places = await Promise.all(
      Array.from({ length: count }, async () => ({
        port: await freePort(),
        id: randomBytes(20).toString('hex'),
      })),
    );
    const sentinels: PrivateSentinel[] = [];
    for (const place of places) {
      const guard = await openGuard(shortFolderPrefix());
      closers.push(() => guard.close());
      const others = places.filter((one) => one !== place);
      writeFileSync(
        join(guard.folder, 'sentinel.conf'),
        sentinelConfig({ place, others, servers, downAfterMs, quorum: Math.floor(count / 2) + 1 }),
      );
      const sentinel = guardedSentinel(guard, { port: place.port, serverPath: files.serverPath });
      await sentinel.start();
      sentinels.push(sentinel);
    }
    const url = `redis+sentinel://${places.map(({ port }) => `127.0.0.1:${port}`).join(',')}/${MASTER}`;
    const group = { servers, sentinels };
    const master = () => agreedMaster(group, 1);
    return {
      ...{ url, servers, sentinels, stop, master },
      config: (overrides = {}) => first.config({ redisUrl: url, ...overrides }),
      failOver: async (kill = (server) => server.kill()) => {
        const old = await master();
        await kill(old);
        for (;;) {
          const now = await agreedMaster(group, sentinels.length);
          if (now !== old && (await ask(now.url, ['ROLE']).catch(() => '')).startsWith('master')) return now;
          await pause();
        }
      },
      inSync: async () => {
        while (!(await isInSync(await master(), servers.length - 1))) await pause();
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

interface SentinelPlace {
  readonly port: number;
  readonly id: string;
}

/** Sentinels that know each other from the start need not wait until each has heard of the others. */
function sentinelConfig({
  place,
  others,
  servers: [first, ...replicas],
  downAfterMs,
  quorum,
}: {
  readonly place: SentinelPlace;
  readonly others: readonly SentinelPlace[];
  readonly servers: readonly PrivateRedis[];
  readonly downAfterMs: number;
  readonly quorum: number;
}): string {
  const lines = [
    `port ${place.port}`,
    'bind 127.0.0.1',
    `sentinel myid ${place.id}`,
    `sentinel monitor ${MASTER} 127.0.0.1 ${first?.port} ${quorum}`,
    `sentinel down-after-milliseconds ${MASTER} ${downAfterMs}`,
    // A second fail-over within twice this time is put off.
    `sentinel failover-timeout ${MASTER} ${2 * downAfterMs}`,
    `sentinel parallel-syncs ${MASTER} ${replicas.length}`,
    ...replicas.map(({ port }) => `sentinel known-replica ${MASTER} 127.0.0.1 ${port}`),
    ...others.map(({ port, id }) => `sentinel known-sentinel ${MASTER} 127.0.0.1 ${port} ${id}`),
  ];
  return `${lines.join('\n')}\n`;
}

function guardedSentinel(
  guard: GuardedServer,
  { port, serverPath }: { readonly port: number; readonly serverPath: string },
): PrivateSentinel {
  const conf = join(guard.folder, 'sentinel.conf');
  const command = {
    command: serverPath,
    args: [conf, '--sentinel'],
    log: join(guard.folder, 'sentinel.log'),
  };
  return {
    port,
    get pid() {
      return guard.pid;
    },
    kill: () => guard.end('SIGKILL'),
    start: async () => {
      const { died } = await guard.start(command, (reason) => new Error(`a sentinel ended: ${reason}`));
      died.catch(() => {}); // it may be killed
      while ((await ask(`redis://127.0.0.1:${port}`, ['PING']).catch(() => '')) !== 'PONG') await pause();
    },
  };
}

/** The server that at least so many sentinels name, or all of those that answer. */
async function agreedMaster(
  { servers, sentinels }: Pick<PrivateSentinels, 'servers' | 'sentinels'>,
  wanted: number,
): Promise<PrivateRedis> {
  for (;;) {
    const question = ['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', MASTER];
    const answers = await Promise.all(
      sentinels.map(({ port }) => ask(`redis://127.0.0.1:${port}`, question).catch(() => '')),
    );
    const named = answers.filter((answer) => answer !== '').map((answer) => answer.split(',')[1]);
    const isAgreed = named.length > 0 && new Set(named).size === 1;
    const server = servers.find(({ port }) => String(port) === named[0]);
    if (server && (isAgreed || wanted === 1)) return server;
    await pause();
  }
}

/** Whether all replicas have what the server had when it was asked first. */
async function isInSync(server: PrivateRedis, replicas: number): Promise<boolean> {
  const { offset } = await replicationOf(server);
  for (let attempt = 0; attempt < 60; attempt += 1) {
    const { states } = await replicationOf(server);
    if (states.length < replicas) return false;
    if (states.every((one) => one.state === 'online' && one.offset >= offset)) return true;
    await pause();
  }
  return false;
}

async function replicationOf({ url }: PrivateRedis) {
  const info = await ask(url, ['INFO', 'replication']).catch(() => '');
  const states = [...info.matchAll(/^slave\d+:.*state=(\w+),offset=(\d+)/gm)].map(([, state, offset]) => ({
    state,
    offset: Number(offset),
  }));
  return { offset: Number(/^master_repl_offset:(\d+)/m.exec(info)?.[1]), states };
}

/** One command on a connection of its own, its reply as text. */
async function ask(url: string, command: readonly string[]): Promise<string> {
  const config = loadConfig({
    settings: { redisUrl: url, connectTimeoutMs: 300, commandTimeoutMs: 1_000, home: '/nowhere' },
    env: {},
  });
  const databases = connectDatabases(config);
  try {
    return String(await databases.main.send(command));
  } finally {
    await databases.close();
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, POLL_MS));
}
