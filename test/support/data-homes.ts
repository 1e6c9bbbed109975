import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import { type Config, type ConfigInput, loadConfig } from '../../src/config.ts';
import { stopEmbeddedRedis } from '../../src/redis/embedded.ts';
import { serverFiles } from './provisioned.ts';

/** Data homes for embedded servers; after each test those that it made are stopped and removed. */
export function useDataHomes() {
  const homes: string[] = [];
  afterEach(async () => {
    for (const home of homes.splice(0)) {
      await stopEmbeddedRedis(configOf(home));
      rmSync(home, { recursive: true, force: true });
    }
  });
  return {
    newHome(): string {
      const home = mkdtempSync(join(tmpdir(), 'stacklore-test-'));
      mkdirSync(join(home, 'provision'));
      homes.push(home);
      return home;
    },
  };
}

/** The settings by which the embedded server of a home is one that the tests have provisioned. */
export function settingsOf(home: string): ConfigInput {
  return { home, embedded: { serverPath: serverFiles().serverPath } };
}

export function configOf(home: string): Config {
  return loadConfig({ settings: settingsOf(home), env: {} });
}
