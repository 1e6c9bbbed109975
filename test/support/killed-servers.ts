import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConfigInput, loadConfig } from '../../src/config.ts';
import type { ServerFiles } from '../../src/provision/redis-pair.ts';
import { silentReport } from '../../src/provision/report.ts';
import { attachEmbeddedRedis, stopEmbeddedRedis } from '../../src/redis/embedded.ts';
import { startPrivateRedis } from '../../src/redis/private-redis.ts';
import { openStacklore } from '../../src/stacklore.ts';
import { type ChaosPlan, type ChaosReport, surviveKills } from './chaos.ts';
import { startPrivateCluster, untilReady } from './cluster.ts';
import { FakeEmbedder } from './fake-embedder.ts';

/** Which servers are killed, how often and when. */
export interface KilledServers extends Pick<ChaosPlan, 'kills' | 'random'> {
  readonly files: ServerFiles;
}

/** With it, what was acknowledged is on the disk. */
const SAFE = ['--appendfsync', 'always'];
/** By default the disk may be a second behind, and two when it is slow. */
const BEHIND_MS = 2_000;
/** Of so many ends of an embedded server one is a stop in good order. */
const STOPPED_EVERY = 4;

/** Kills one server of all four databases. */
export async function killPrivate({ files, ...plan }: KilledServers): Promise<ChaosReport> {
  const redis = await startPrivateRedis({ files, args: SAFE });
  const kill = async () => {
    await redis.kill();
    await redis.restart();
  };
  return survive({ ...plan, kill, settings: redis.config() }).finally(() => redis.stop());
}

/** Kills the server of a data home, which the program starts again by itself, and stops it in good order now and then. */
export async function killEmbedded({ files, ...plan }: KilledServers): Promise<ChaosReport> {
  const home = mkdtempSync(join(tmpdir(), 'stacklore-chaos-'));
  mkdirSync(join(home, 'provision'));
  const settings = { home, embedded: { serverPath: files.serverPath } };
  const config = loadConfig({ settings, env: {} });
  let ends = 0;
  const kill = async () => {
    ends += 1;
    if (ends % STOPPED_EVERY === 0) {
      await stopEmbeddedRedis(config);
      return;
    }
    const { pid, close } = await attachEmbeddedRedis(config, { report: silentReport });
    process.kill(pid, 'SIGKILL');
    await close();
  };
  try {
    return await survive({ ...plan, kill, settings, mayLoseMs: BEHIND_MS, hasRecords: false });
  } finally {
    await stopEmbeddedRedis(config);
    rmSync(home, { recursive: true, force: true });
  }
}

/** Kills masters of a cluster of `main`, `prompts` and `analytics`, one at a time, with `knowledge` on a server of its own. */
export async function killMasters({ files, ...plan }: KilledServers): Promise<ChaosReport> {
  const redis = await startPrivateRedis({ files, args: SAFE });
  try {
    const cluster = await startPrivateCluster({ files, args: SAFE });
    const kill = async () => {
      const node = cluster.nodes[Math.floor(plan.random() * cluster.nodes.length)];
      await node?.kill();
      await node?.restart();
      await untilReady(cluster);
    };
    const settings = cluster.config({ databases: { knowledge: { url: redis.url } } });
    return await survive({ ...plan, kill, settings }).finally(() => cluster.stop());
  } finally {
    await redis.stop();
  }
}

async function survive({
  settings,
  ...plan
}: Omit<ChaosPlan, 'lore'> & { readonly settings: ConfigInput }): Promise<ChaosReport> {
  const lore = openStacklore(settings, { env: {}, embedder: new FakeEmbedder() });
  try {
    return await surviveKills({ ...plan, lore });
  } finally {
    await lore.close();
  }
}
