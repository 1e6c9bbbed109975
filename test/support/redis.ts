import { afterAll, beforeAll } from 'vitest';
import type { ConfigInput } from '../../src/config.ts';
import {
  type PrivateRedis,
  type PrivateRedisOptions,
  startPrivateRedis,
} from '../../src/redis/private-redis.ts';
import { serverFiles } from './provisioned.ts';

/** What test files get that run within another one, see `lendServer`. */
let lent: PrivateRedis | undefined;

/**
 * Lets the test files that the calling one imports from here on run on this server instead of one of their own: so one suite is
 * held against one server and against a cluster.
 */
export function lendServer(server: PrivateRedis): void {
  lent = server;
}

/** Whether the calling tests run on a cluster. To be asked while tests are declared. */
export function isOnCluster(): boolean {
  return lent !== undefined;
}

/**
 * One private server for the calling test file, started before its first test and stopped by its handle after its
 * last. Use its fields inside hooks and tests only; before that there is no server.
 */
export function usePrivateRedis(options: PrivateRedisOptions = {}): PrivateRedis {
  if (lent) return lent;
  let redis: PrivateRedis | undefined;
  beforeAll(async () => {
    redis = await startPrivateRedis({ files: serverFiles(), ...options });
  });
  afterAll(() => redis?.stop());

  const started = (): PrivateRedis => {
    if (!redis)
      throw new Error('The private server starts before the first test: use it inside tests and hooks only.');
    return redis;
  };
  return {
    get socketPath() {
      return started().socketPath;
    },
    get dir() {
      return started().dir;
    },
    get logPath() {
      return started().logPath;
    },
    get pid() {
      return started().pid;
    },
    get port() {
      return started().port;
    },
    get url() {
      return started().url;
    },
    get files() {
      return started().files;
    },
    config: (overrides?: ConfigInput) => started().config(overrides),
    stop: () => started().stop(),
    kill: () => started().kill(),
    restart: () => started().restart(),
  };
}
