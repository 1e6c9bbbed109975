import { afterAll, beforeAll } from 'vitest';
import type { ConfigInput } from '../../src/config.ts';
import type { ServerFiles } from '../../src/provision/redis-pair.ts';
import {
  type ControlConnection,
  type ControlReply,
  openControl,
} from '../../src/redis/control-connection.mjs';
import { freePort } from '../../src/redis/loopback-port.ts';
import { type PrivateRedis, startPrivateRedis } from '../../src/redis/private-redis.ts';
import { serverFiles } from './provisioned.ts';

/** A Redis Cluster of one's own on loopback ports, stopped by its handle. */
export interface PrivateCluster {
  /** The masters as started, then their replicas. Each has its unix socket for looking at one node alone. */
  readonly nodes: readonly PrivateRedis[];
  /** `redis+cluster:` URL that names every master. */
  readonly url: string;
  /** Settings that send all databases to this cluster; give `knowledge` a server of its own where it is searched. */
  config(overrides?: ConfigInput): ConfigInput;
  stop(): Promise<void>;
}

export interface PrivateClusterOptions {
  /** At least three, which is what Redis asks for where a replica is to take over. */
  readonly masters?: number;
  /** Replicas of each master. */
  readonly replicas?: number;
  /** How long a node may be silent before the others take it for dead. */
  readonly nodeTimeoutMs?: number;
  /** The server to start; by default the one of the test run. */
  readonly files?: ServerFiles;
  /** Further arguments of each node. */
  readonly args?: readonly string[];
}

const SLOTS = 16_384;
const READY_MS = 60_000;

/** Starts a cluster whose slots are shared out evenly among its masters, ready for commands. */
export async function startPrivateCluster(options: PrivateClusterOptions = {}): Promise<PrivateCluster> {
  const { masters: masterCount = 3, replicas = 0 } = options;
  const started = await Promise.allSettled(
    Array.from({ length: masterCount * (1 + replicas) }, () => startNode(options)),
  );
  const nodes = started.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const stop = async () => void (await Promise.all(nodes.map(({ redis }) => redis.stop())));
  try {
    for (const one of started) if (one.status === 'rejected') throw one.reason;
    const masters = nodes.slice(0, masterCount);
    await join(nodes, masters);
  } catch (error) {
    await stop();
    throw error;
  }
  const servers = nodes.map(({ redis }) => redis);
  const hosts = servers.slice(0, masterCount).map(({ port }) => `127.0.0.1:${port}`);
  const url = `redis+cluster://${hosts.join(',')}`;
  return {
    nodes: servers,
    url,
    config: (overrides = {}) => ({ ...servers[0]?.config(), redisUrl: url, ...overrides }),
    stop,
  };
}

/** One private cluster for the calling test file. Use its fields inside hooks and tests only. */
export function usePrivateCluster(options: PrivateClusterOptions = {}): PrivateCluster {
  let cluster: PrivateCluster | undefined;
  beforeAll(async () => {
    cluster = await startPrivateCluster(options);
  });
  afterAll(() => cluster?.stop());

  const started = (): PrivateCluster => {
    if (!cluster)
      throw new Error('The cluster starts before the first test: use it inside tests and hooks only.');
    return cluster;
  };
  return {
    get nodes() {
      return started().nodes;
    },
    get url() {
      return started().url;
    },
    config: (overrides?: ConfigInput) => started().config(overrides),
    stop: () => started().stop(),
  };
}

/** A cluster as a test takes one server; what is about one process, such as its pid, is the first node's. */
export function asOneServer(cluster: PrivateCluster): PrivateRedis {
  const first = () => cluster.nodes[0] as PrivateRedis; // started with three at least
  const all = (work: (node: PrivateRedis) => Promise<void>) => async () =>
    void (await Promise.all(cluster.nodes.map(work)));
  return {
    get url() {
      return cluster.url;
    },
    get socketPath() {
      return first().socketPath;
    },
    get dir() {
      return first().dir;
    },
    get logPath() {
      return first().logPath;
    },
    get pid() {
      return first().pid;
    },
    get port() {
      return first().port;
    },
    get files() {
      return first().files;
    },
    config: (overrides) => cluster.config(overrides),
    stop: async () => {},
    kill: all((node) => node.kill()),
    restart: async () => {
      await all((node) => node.restart())();
      await untilReady(cluster);
    },
  };
}

/** Resolves when every node takes the cluster for whole. */
export async function untilReady({ nodes }: PrivateCluster): Promise<void> {
  for (const { socketPath } of nodes) {
    const control = await openControl(socketPath);
    await everyNode([control], isOk).finally(() => control.close());
  }
}

/** Removes every key of a cluster. */
export async function clearCluster({ nodes }: PrivateCluster): Promise<void> {
  for (const { socketPath } of nodes) {
    const control = await openControl(socketPath);
    await control.send(['FLUSHALL']);
    control.close();
  }
}

interface Node {
  readonly redis: PrivateRedis;
  readonly busPort: number;
}

/** A port found free may be taken by the time the server opens it: then others are tried. */
async function startNode(options: PrivateClusterOptions, attempts = 3): Promise<Node> {
  const { nodeTimeoutMs = 15_000, files = serverFiles(), args: more = [] } = options;
  const busPort = await freePort();
  const args = [
    ...['--cluster-enabled', 'yes', '--cluster-port', String(busPort), '--cluster-announce-ip', '127.0.0.1'],
    ...['--cluster-node-timeout', String(nodeTimeoutMs)],
    ...more,
  ];
  try {
    return { redis: await startPrivateRedis({ files, port: 'free', args }), busPort };
  } catch (error) {
    if (attempts <= 1) throw error;
    return startNode(options, attempts - 1);
  }
}

async function join(nodes: readonly Node[], masters: readonly Node[]): Promise<void> {
  const controls = await Promise.all(nodes.map(({ redis }) => openControl(redis.socketPath)));
  try {
    for (const [at, control] of controls.entries()) {
      // Only a node that knows no other yet takes an epoch, and without one of its own two may claim the same.
      await control.send(['CLUSTER', 'SET-CONFIG-EPOCH', String(at + 1)]);
      const first = Math.floor((at * SLOTS) / masters.length);
      const last = Math.floor(((at + 1) * SLOTS) / masters.length) - 1;
      if (at < masters.length) await control.send(['CLUSTER', 'ADDSLOTSRANGE', String(first), String(last)]);
    }
    for (const { redis, busPort } of nodes.slice(1)) {
      await controls[0]?.send(['CLUSTER', 'MEET', '127.0.0.1', String(redis.port), String(busPort)]);
    }
    await everyNode(controls, (info) => field(info, 'cluster_known_nodes') === String(nodes.length));
    await replicate(controls, masters.length);
    await everyNode(controls, isOk);
  } finally {
    for (const control of controls) control.close();
  }
}

/** Makes every node after the masters a replica of one of them, in turn, and waits until it has the master's data. */
async function replicate(controls: readonly ControlConnection[], masters: number): Promise<void> {
  const ids = await Promise.all(
    controls.map(async (control) => String(await control.send(['CLUSTER', 'MYID']))),
  );
  for (const [at, control] of controls.entries()) {
    if (at >= masters) await control.send(['CLUSTER', 'REPLICATE', ids[at % masters] ?? '']);
  }
  for (const control of controls.slice(masters)) {
    await until(async () =>
      /master_link_status:up/.test(String(await control.send(['INFO', 'replication']))),
    );
  }
}

/** Resolves when CLUSTER INFO of every node says so. */
async function everyNode(
  controls: readonly ControlConnection[],
  isReached: (info: ControlReply) => boolean,
): Promise<void> {
  for (const control of controls) await until(async () => isReached(await control.send(['CLUSTER', 'INFO'])));
}

function isOk(info: ControlReply): boolean {
  return field(info, 'cluster_state') === 'ok';
}

function field(info: ControlReply, name: string): string | undefined {
  return new RegExp(`^${name}:(\\S+)`, 'm').exec(String(info))?.[1];
}

async function until(isReached: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + READY_MS;
  while (!(await isReached())) {
    if (Date.now() > deadline) throw new Error(`The private cluster is not ready after ${READY_MS} ms.`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
