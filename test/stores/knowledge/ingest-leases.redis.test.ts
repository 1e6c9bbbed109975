import { hostname } from 'node:os';
import { beforeAll, describe, expect, test } from 'vitest';
import { StackloreError } from '../../../src/errors.ts';
import type { Stacklore } from '../../../src/stacklore.ts';
import { IngestLeases, processSpace } from '../../../src/stores/knowledge/ingest-leases.ts';
import { allKeys, openTestLore } from '../../support/lore.ts';
import { passThrough } from '../../support/pass-through.ts';
import { usePrivateRedis } from '../../support/redis.ts';
import { runTypeScript } from '../../support/run-typescript.ts';

const redis = usePrivateRedis();
let lore: Stacklore;
let leases: IngestLeases;
beforeAll(() => {
  lore = openTestLore(redis);
  leases = new IngestLeases(lore.databases.knowledge);
});

const { signal } = new AbortController();
const held = () => allKeys(lore.databases.knowledge, 'stacklore:ingest-lease:*');

describe('a lease', () => {
  test('is waited for by whoever wants one of its subjects, and free for others', async () => {
    const first = await leases.hold(['a', 'b'], signal);
    const free = await leases.hold(['c'], signal);
    let isHeld = false;
    const waiting = leases.hold(['b', 'd'], signal).then((lease) => {
      isHeld = true;
      return lease;
    });
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(isHeld).toBe(false);
    // Who waits holds nothing: its other subject is free.
    await (await leases.hold(['d'], signal))?.release();
    await first?.release();
    await (await waiting)?.release();
    await free?.release();
    expect(await held()).toEqual([]);
  });

  test('is not waited for any longer than the signal says', async () => {
    const lease = await leases.hold(['kept'], signal);
    expect(await leases.hold(['kept'], AbortSignal.timeout(30))).toBeUndefined();
    await lease?.release();
  });

  test('whose answer was lost is given back all the same', async () => {
    const { knowledge } = lore.databases;
    const breaking = passThrough(knowledge, {
      pipeline: async (commands, options) => {
        await knowledge.pipeline(commands, options);
        throw new StackloreError('database_unreachable', { message: 'The connection broke.' });
      },
    });
    const lease = await new IngestLeases(breaking).hold(['lost'], signal);
    expect(await held()).toHaveLength(1);
    await lease?.release();
    expect(await held()).toEqual([]);
  });

  test('lasts as long as the work', async () => {
    const quick = new IngestLeases(lore.databases.knowledge, { leaseMs: 3_000 });
    const lease = await quick.hold(['renewed'], signal);
    const [key = ''] = await held();
    await lore.databases.knowledge.send(['PEXPIRE', key, '2000']);
    const left = async () => lore.databases.knowledge.send<number>(['PTTL', key]);
    await expect.poll(left, { timeout: 5_000, interval: 20 }).toBeGreaterThan(2_000);
    await lease?.release();
  });

  test('of a process that was killed is free at once on its machine, elsewhere by its time', async () => {
    const program = runTypeScript(new URL('./programs/exit.ts', import.meta.url));
    await program.ended;
    const dead = new IngestLeases(lore.databases.knowledge, {
      holder: `${processSpace()}:${program.process.pid}`,
    });
    const elsewhere = new IngestLeases(lore.databases.knowledge, {
      holder: `another-${hostname()}:${program.process.pid}`,
    });
    await dead.hold(['here'], signal);
    // Of a container that bears the name of its machine: another process has this id there.
    const inside = new IngestLeases(lore.databases.knowledge, {
      holder: `${hostname()}/pid:[1]:${program.process.pid}`,
    });
    await elsewhere.hold(['there'], signal);
    await inside.hold(['inside'], signal);
    expect(await leases.hold(['here'], AbortSignal.timeout(5_000))).toBeDefined();
    expect(await leases.hold(['there'], AbortSignal.timeout(60))).toBeUndefined();
    expect(await leases.hold(['inside'], AbortSignal.timeout(60))).toBeUndefined();
  });

  test('is done without when the database does not answer', async () => {
    const closed = openTestLore(redis);
    await closed.close();
    const lease = await new IngestLeases(closed.databases.knowledge).hold(['away'], signal);
    await lease?.release();
    expect(lease).toBeDefined();
  });
});
