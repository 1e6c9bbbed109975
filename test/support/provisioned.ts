import { StackloreError } from '../../src/errors.ts';
import type { ServerFiles } from '../../src/provision/redis-pair.ts';

/** Variables through which global-setup.ts tells the test workers what it provisioned. */
export const SERVER_FILES_VARIABLE = 'STACKLORE_TEST_SERVER_FILES';
export const MODEL_DIR_VARIABLE = 'STACKLORE_TEST_MODEL_DIR';

/** The server every test starts: give it to `startPrivateRedis({ files: serverFiles() })`. Throws when there is none. */
export function serverFiles(): ServerFiles {
  // Written by global-setup.ts from a ServerFiles.
  return JSON.parse(provisioned(SERVER_FILES_VARIABLE, 'server')) as ServerFiles;
}

/** The checked folder of the default model, as the `model` setting: `loadConfig({ settings: { model: modelConfig() } })`. */
export function modelConfig(): { dir: string } {
  return { dir: provisioned(MODEL_DIR_VARIABLE, 'model') };
}

function provisioned(variable: string, what: 'server' | 'model'): string {
  const value = process.env[variable];
  if (value) return value;
  throw new StackloreError(what === 'server' ? 'server_unavailable' : 'model_unavailable', {
    message: `This test needs the ${what}, which the test run has not provisioned. Run it with \`npm test\`, or with \`npx vitest run\` in the repository's folder.`,
  });
}
