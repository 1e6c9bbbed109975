import { resolve } from 'node:path';
import type { TestProject } from 'vitest/node';
import { loadConfig } from '../../src/config.ts';
import { provisionModel } from '../../src/provision/model-files.ts';
import { provisionServer } from '../../src/provision/redis-pair.ts';
import { printReport } from '../../src/provision/report.ts';
import { MODEL_DIR_VARIABLE, SERVER_FILES_VARIABLE } from './provisioned.ts';

/** Variables that say where provisioned files are or come from; every other setting is hidden from the tests. */
const KEPT = ['STACKLORE_PROVISION_DIR', 'STACKLORE_MODEL_DIR', 'STACKLORE_HUB_URL'];

/**
 * Runs once before all tests: hides the developer's own Redis and settings from them, and makes sure that a server and
 * the model are here. Their places are told to the workers through the environment; see provisioned.ts.
 */
export async function setup(project: TestProject): Promise<void> {
  const own = Object.entries(process.env).filter(
    ([name]) => name === 'REDIS_URL' || name.startsWith('STACKLORE_'),
  );
  for (const [name] of own) delete process.env[name];
  if (!needsServerAndModel(project)) return;
  const { STACKLORE_TEST_SERVER: serverPath, STACKLORE_HOME: home, ...settings } = Object.fromEntries(own);
  const config = loadConfig({
    env: { ...process.env, ...Object.fromEntries(KEPT.map((name) => [name, settings[name]])) },
    settings: {
      ...(home ? { home: resolve(home) } : {}),
      ...(serverPath ? { embedded: { serverPath } } : {}),
    },
    // A developer's stacklore.json in the repository's folder is not for the tests either.
    cwd: import.meta.dirname,
  });
  const report = printReport(process.stderr);
  process.env[SERVER_FILES_VARIABLE] = JSON.stringify(await provisionServer(config, report));
  process.env[MODEL_DIR_VARIABLE] = (await provisionModel(config, report)).dir;
}

/** Unit tests alone need neither. */
function needsServerAndModel({ vitest }: TestProject): boolean {
  return vitest.projects.some(({ name }) => ['redis', 'model', 'browser'].includes(name));
}
