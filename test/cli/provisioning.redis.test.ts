import { expect, test } from 'vitest';
import { serverFiles } from '../support/provisioned.ts';
import { jsonOf, runCli } from '../support/run-cli.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** A server is here, and a model that cannot be had from anywhere. */
const surroundings = () => ({
  STACKLORE_HOME: temporaryFolder(),
  STACKLORE_SERVER: serverFiles().serverPath,
  STACKLORE_MODEL: 'nobody/no-model',
  STACKLORE_HUB_URL: 'http://127.0.0.1:1',
});

test('setup says what it fetches where standard error is no terminal', async () => {
  const { stderr, exitCode } = await runCli(['setup'], { env: surroundings() });
  expect(stderr).toMatch(/^Fetching .*nobody\/no-model/m);
  expect(exitCode).not.toBe(0);
});

test('setup says nothing but its result with --json', async () => {
  const result = await runCli(['setup', '--json'], { env: surroundings() });
  expect(result.stderr).toBe('');
  expect(jsonOf(result)).toMatchObject({ error: { code: 'model_unavailable' } });
});
