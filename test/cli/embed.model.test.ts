import { beforeAll, expect, test } from 'vitest';
import { openStacklore } from '../../src/stacklore.ts';
import { modelConfig } from '../support/provisioned.ts';
import { usePrivateRedis } from '../support/redis.ts';
import { jsonOf, runCli } from '../support/run-cli.ts';

const redis = usePrivateRedis();

const embed = (...args: string[]) =>
  runCli(['embed', ...args], {
    env: {
      STACKLORE_HOME: `${redis.dir}/home`,
      STACKLORE_MODEL_DIR: modelConfig().dir,
      REDIS_URL: redis.url,
    },
  });

beforeAll(async () => {
  const lore = openStacklore(redis.config({ model: modelConfig() }), { env: {} });
  await lore.createCollection('own');
  await lore.createCollection('given', { dimensions: 384 });
  await lore.close();
});

test('embed prints the vector that a search would look up, as a query and as a document', async () => {
  const lore = openStacklore(redis.config({ model: modelConfig() }), { env: {} });
  const [query, [document = new Float32Array()]] = await Promise.all([
    lore.embedQuery('a lamp'),
    lore.embedTexts(['a lamp']),
  ]);
  await lore.close();

  expect(jsonOf(await embed('a lamp', '--collection', 'own', '--json'))).toEqual({
    ...{ model: 'Xenova/all-MiniLM-L6-v2', dimensions: 384, embedding: Array.from(query), warnings: [] },
  });
  expect(JSON.parse((await embed('a lamp', '--document')).stdout)).toEqual(Array.from(document));
});

test('embed refuses a collection whose vectors the model did not make, and one there is not', async () => {
  const refused = await embed('a lamp', '--collection', 'given', '--json');
  expect(refused.exitCode).toBe(1);
  expect(jsonOf(refused)).toMatchObject({ error: { code: 'manifest_mismatch' } });
  expect(jsonOf(await embed('a lamp', '--collection', 'nowhere', '--json'))).toMatchObject({
    error: { code: 'not_found' },
  });
  expect((await embed('--collection', 'own')).exitCode).toBe(2);
});
