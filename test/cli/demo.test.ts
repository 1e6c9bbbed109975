import { expect, test } from 'vitest';
import { jsonOf, runCli } from '../support/run-cli.ts';

test('the demo heeds the configured server binary but no configured URL, not even a malformed one', async () => {
  const env = {
    REDIS_URL: 'nonsense',
    STACKLORE_PROMPTS_URL: 'nonsense',
    STACKLORE_SERVER: '/nowhere/redis-server',
  };
  expect(jsonOf(await runCli(['demo', '--json'], { env }))).toMatchObject({
    error: {
      code: 'server_unavailable',
      message: expect.stringContaining('/nowhere/redis-server is no executable file'),
    },
  });
});
