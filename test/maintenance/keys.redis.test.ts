import { beforeAll, describe, expect, it } from 'vitest';
import type { KeysReport } from '../../src/maintenance/keys.ts';
import type { Stacklore } from '../../src/stacklore.ts';
import { openTestLore } from '../support/lore.ts';
import { usePrivateRedis } from '../support/redis.ts';
import { jsonOf, runCli } from '../support/run-cli.ts';

const redis = usePrivateRedis();
let lore: Stacklore;

beforeAll(async () => {
  lore = openTestLore(redis);
  await lore.databases.main.pipeline([
    ['HSET', 'session:good', 'user_id', 'ada'],
    ['EXPIRE', 'session:good', '86400'],
    ['HSET', 'session:forever', 'user_id', 'ada'],
    ['SET', 'session:wrong', 'text', 'EX', '86500'],
    ['SET', 'ratelimit:c:e', '1', 'EX', '600'],
    ['RPUSH', 'queue:work', ...Array.from({ length: 5_000 }, (_, at) => `task number ${at}`)],
    ['HSET', 'fact:f1', 'content', 'A fact'],
    ['SET', 'bull:jobs:1', 'x'],
    ['SET', 'bull:jobs:2', 'x', 'EX', '60'],
    ['SET', Buffer.from([0x80, 0xff]), 'x'],
  ]);
  await lore.databases.analytics.pipeline([
    ['SET', 'counter:hits:1min', '1', 'EX', '60'],
    ['SET', 'counter:hits:1hour', '1'],
    ['HSET', 'session:stray', 'user_id', 'ada'],
  ]);
});

const family = (report: KeysReport, name: string) => report.families.find((one) => one.family === name);

describe('keys', () => {
  it('are counted and measured by record family', async () => {
    const report = await lore.maintenance.analyseKeys();
    expect(report.keys).toBe(12);
    expect(family(report, 'session')).toMatchObject({
      database: 'main',
      pattern: 'session:*',
      keys: 3,
      types: { hash: 2, string: 1 },
      ttl: { declaredSeconds: 86_400, expiring: 2, missing: 1, longer: 1, missingKeys: ['session:forever'] },
      wrongType: { count: 1, keys: ['session:wrong'] },
    });
    // Longer than usual is what a caller chose; only a session may have no longer one than declared.
    expect(family(report, 'rate limit')).toMatchObject({ keys: 1, ttl: { expiring: 1, longer: 0 } });
    expect(family(report, 'counter')).toMatchObject({
      keys: 2,
      ttl: { missing: 1, missingKeys: ['counter:hits:1hour'] },
    });
    expect(family(report, 'chunk')).toMatchObject({ keys: 0, bytes: 0 });
    expect(report.biggest[0]).toMatchObject({ key: 'queue:work', family: 'task queue', type: 'list' });
    expect(report.servers).toMatchObject([{ databases: ['main', 'knowledge', 'prompts', 'analytics'] }]);
  });

  it('of no family are grouped by prefix, and are unknown where their family does not lie', async () => {
    const { unknown } = await lore.maintenance.analyseKeys();
    expect(
      unknown.map(({ databases, prefix, keys, expiring }) => [databases.join('+'), prefix, keys, expiring]),
    ).toEqual(
      expect.arrayContaining([
        ['main+knowledge', 'bull:', 2, 1],
        ['main+knowledge', '(no prefix)', 1, 0],
        ['analytics', 'session:', 1, 0],
      ]),
    );
  });

  it('of one named database leave out what another one keeps under the same number', async () => {
    const report = await lore.maintenance.analyseKeys({ databases: ['knowledge'] });
    expect(report.families.filter(({ keys }) => keys > 0).map((one) => one.family)).toEqual(['fact']);
  });

  it('of chunks are told apart by collection', async () => {
    const chunks = ['docs', 'docs', 'notes'].map(
      (name, at) => `llama_index/vector_store/${name}/d_chunk_${at}`,
    );
    await lore.databases.knowledge.pipeline(chunks.map((key) => ['HSET', key, 'text', 'x'.repeat(100)]));
    const report = await lore.maintenance.analyseKeys({ databases: ['knowledge'] });
    expect(family(report, 'chunk')).toMatchObject({
      keys: 3,
      collections: [
        { collection: 'docs', keys: 2, types: { hash: 2 } },
        { collection: 'notes', keys: 1 },
      ],
    });
    expect(family(report, 'fact')).not.toHaveProperty('collections');
    const env = { STACKLORE_HOME: `${redis.dir}/home`, REDIS_URL: redis.url };
    expect((await runCli(['keys', 'knowledge'], { env })).stdout).toMatch(
      /knowledge +chunk +3 .*\n +of docs +2 /,
    );
    await lore.databases.knowledge.send(['UNLINK', ...chunks]);
  });

  it('are measured exactly when asked', async () => {
    const bytes = await lore.databases.main.send<number>(['MEMORY', 'USAGE', 'queue:work', 'SAMPLES', '0']);
    expect((await lore.maintenance.analyseKeys({ exact: true })).biggest[0]?.bytes).toBe(bytes);
  });

  it('are each counted, however many there are', async () => {
    await lore.databases.prompts.pipeline(
      Array.from({ length: 3_000 }, (_, at) => ['HSET', `prompt:system:p${at}`, 'content', 'x']),
    );
    const report = await lore.maintenance.analyseKeys({ databases: ['prompts'], biggest: 0 });
    expect(family(report, 'system prompt')?.keys).toBe(3_000);
    expect(report.biggest).toEqual([]);
  });

  it('are shown as a table with bars, or as JSON', async () => {
    const env = { STACKLORE_HOME: `${redis.dir}/home`, REDIS_URL: redis.url };
    const shown = await runCli(['keys', 'main'], { env });
    expect(shown.exitCode).toBe(0);
    expect(shown.stdout).toMatch(/main +session +3 .*1 WITHOUT TTL/);
    expect(shown.stdout).toContain('█');
    const printed = await runCli(['keys', 'main', '--json'], { env });
    expect(jsonOf(printed)).toMatchObject({ exact: false, families: expect.any(Array) });
    expect((await runCli(['keys', 'db7'], { env })).exitCode).toBe(2);
  });
});
