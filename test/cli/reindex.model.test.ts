import { expect, it } from 'vitest';
import { modelConfig } from '../support/provisioned.ts';
import { usePrivateRedis } from '../support/redis.ts';
import { jsonOf, runCli } from '../support/run-cli.ts';

const redis = usePrivateRedis();
const run = (command: string, input = '') =>
  runCli(command.split(' '), {
    env: {
      ...{ STACKLORE_HOME: `${redis.dir}/home`, HOME: redis.dir, REDIS_URL: redis.url },
      STACKLORE_MODEL_DIR: modelConfig().dir,
    },
    input,
  });

it('cuts documents anew, and says where their texts came from', async () => {
  const text = Array.from({ length: 8 }, (_, n) => `The lamp number ${n} burns whale oil.`).join(' ');
  expect(await run('ingest - --chunk-size 32 --overlap 0', text)).toMatchObject({ exitCode: 0 });
  const sizes = '--chunk-size 64 --overlap 8';
  const planned = await run(`reindex default ${sizes} --dry-run`);
  expect(planned.stdout).toMatch(/^Chunks 2, afterwards about 1, to embed 1\.$/m);
  const switched = await run(`reindex default ${sizes}`);
  expect(switched.stdout).toMatch(
    /^Documents cut anew: 0 from their files, 1 from their chunks, 0 from their chunks inexactly; 0 kept as they are\.$/m,
  );
  const finished = jsonOf(await run('reindex default --finish --json'));
  expect(finished).toMatchObject({ state: 'finished', documents: { fromChunks: 1 } });
});
