import { beforeEach, describe, expect, it } from 'vitest';
import { loadConfig } from '../../../src/config.ts';
import { connectDatabases, type Database, type RedisCommand } from '../../../src/redis/databases.ts';
import type { Stacklore } from '../../../src/stacklore.ts';
import { ResponseCache, type ResponseCacheOptions } from '../../../src/stores/main/response-cache.ts';
import { allKeys, openTestLore } from '../../support/lore.ts';
import { passThrough } from '../../support/pass-through.ts';
import { isOnCluster, usePrivateRedis } from '../../support/redis.ts';
import { runTypeScript } from '../../support/run-typescript.ts';

const redis = usePrivateRedis();
let lore: Stacklore;
const lockOf = (endpoint: string) =>
  `stacklore:cache-lock:${isOnCluster() ? `{cache:api:${endpoint}:default}` : `${endpoint}:default`}`;
let main: Database;
let cache: ResponseCache;

beforeEach(async () => {
  lore ??= openTestLore(redis);
  main = lore.databases.main;
  cache = lore.responseCache;
  const keys = await allKeys(main, '*');
  if (keys.length > 0) await main.send(['UNLINK', ...keys]);
});

const ask = (params: unknown, value: unknown = params) =>
  cache.getOrCompute({ endpointName: 'ask', params }, () => value);
/** Resolves when told to. */
function gate() {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open: () => open(), opened };
}
const counts = async () => {
  const { hits, misses } = await cache.stats();
  return { hits, misses };
};
const until = async (condition: () => boolean | Promise<boolean>) => {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5));
};

describe('an answer', () => {
  it('is computed once, then given as it was, and counted', async () => {
    expect(await ask({ of: 'all' }, { hits: [1, null, 'ü'] })).toEqual({
      value: { hits: [1, null, 'ü'] },
      cached: false,
    });
    expect(await ask({ of: 'all' }, 'not computed')).toEqual({
      value: { hits: [1, null, 'ü'] },
      cached: true,
    });
    expect(await counts()).toEqual({ hits: 1, misses: 1 });
  });

  it('is the same for parameters in any order, and another for others', async () => {
    await ask({ a: 1, b: { c: 2, d: [1, 2] } }, 'first');
    expect((await ask({ b: { d: [1, 2], c: 2 }, a: 1 }, 'second')).value).toBe('first');
    expect((await ask({ b: { d: [2, 1], c: 2 }, a: 1 }, 'third')).value).toBe('third');
  });

  it('stands under the hashes of endpoint and parameters, as other programs can make them', async () => {
    await cache.getOrCompute({ endpoint: 'GET /v1/status', params: { b: 1, a: 2 } }, () => 'up');
    // SHA-256 of `GET /v1/status` and of `{"a":2,"b":1}`, the first 32 digits.
    const key = 'cache:api:89dd9f3bb4a09cdae659a9c507469198:d3626ac30a87e6f7a6428233b3c68299';
    expect(await allKeys(main, 'cache:api:*')).toEqual([key]);
    expect(await main.send(['GET', key])).toBe('"up"');
  });

  it('stands under readable names where they are given', async () => {
    await cache.getOrCompute({ endpointName: 'health' }, () => ({ status: 'ok' }), { ttlSeconds: 20 });
    expect(await main.send(['GET', 'cache:api:health:default'])).toBe('{"status":"ok"}');
    expect(Number(await main.send(['TTL', 'cache:api:health:default']))).toBeGreaterThan(0);
    expect(Number(await main.send(['TTL', 'cache:api:health:default']))).toBeLessThanOrEqual(20);
  });

  it('is kept for 300 seconds unless said otherwise', async () => {
    await cache.getOrCompute({ endpointName: 'health' }, () => 1);
    expect(Number(await main.send(['TTL', 'cache:api:health:default']))).toBeGreaterThan(290);
  });

  it('of another program is taken', async () => {
    await main.send(['SET', 'cache:api:5d41402abc4b2a76:7d793037a0760186', '{"hits": [], "took": 0.5}']);
    const address = { endpointName: '5d41402abc4b2a76', paramsName: '7d793037a0760186' };
    expect((await cache.getOrCompute(address, () => 'not computed')).value).toEqual({ hits: [], took: 0.5 });
    expect(await cache.get(address)).toEqual({
      key: 'cache:api:5d41402abc4b2a76:7d793037a0760186',
      value: { hits: [], took: 0.5 },
    });
  });

  it.skipIf(isOnCluster())('of another program is found and replaced under its raw key', async () => {
    await main.send(['SET', 'cache:api:list:page*', '1']);
    const address = { endpointName: 'list', paramsName: 'page*' };
    expect(await cache.getOrCompute(address, () => 2)).toEqual({ value: 1, cached: true });
    await main.send(['SET', 'cache:api:list:page*', 'no JSON']);
    expect(await cache.getOrCompute(address, () => 2)).toEqual({ value: 2, cached: false });
    expect(await allKeys(main, 'cache:*')).toEqual(['cache:api:list:page*']);
  });

  it.each([
    ['broken JSON', Buffer.from([0x7b, 0xff])],
    ['an empty text', ''],
  ])('that is %s counts as a miss and is replaced', async (_, stored) => {
    await main.send(['SET', 'cache:api:health:default', stored]);
    expect(await cache.getOrCompute({ endpointName: 'health' }, () => 'new')).toEqual({
      value: 'new',
      cached: false,
    });
    expect((await cache.get({ endpointName: 'health' })).value).toBe('new');
    expect(await counts()).toEqual({ hits: 0, misses: 1 });
  });

  it('that goes while it is looked up is computed, and counts as a miss', async () => {
    const address = { endpointName: 'brief' };
    await cache.save(address, 1);
    const goes = passThrough(main, {
      pipeline: async <T>(commands: readonly RedisCommand[]) => {
        const [script = [], ...reads] = commands;
        if (!String(script[0]).startsWith('EVAL')) return main.pipeline<T>(commands);
        const state = await main.send<T>(script);
        await main.send(['UNLINK', 'cache:api:brief:default']);
        return [state, ...(await main.pipeline<T>(reads))];
      },
    });
    const looking = new ResponseCache(goes);
    expect(await looking.getOrCompute(address, () => 2)).toEqual({ value: 2, cached: false });
    expect((await cache.get(address)).value).toBe(2);
    expect(await counts()).toEqual({ hits: 0, misses: 1 });
  });

  describe('that this process has kept', () => {
    const address = { endpointName: 'known' };
    const key = 'cache:api:known:default';
    const known = (value: unknown) => cache.getOrCompute(address, () => value);

    it('counts each time it is taken', async () => {
      await known(1);
      expect(await known(2)).toEqual({ value: 1, cached: true });
      expect(await known(2)).toEqual({ value: 1, cached: true });
      expect(await counts()).toEqual({ hits: 2, misses: 1 });
    });

    it('is what another program has put in its place', async () => {
      await known(1);
      await main.send(['SET', key, '"theirs"']);
      expect(await known(2)).toEqual({ value: 'theirs', cached: true });
    });

    it.each([
      ['gone', ['UNLINK', key]],
      ['no JSON any more', ['SET', key, '{']],
    ])('is computed again when it is %s', async (_, command) => {
      await known(1);
      await main.send(command);
      expect(await known(2)).toEqual({ value: 2, cached: false });
      expect(await known(3)).toEqual({ value: 2, cached: true });
      expect(await counts()).toEqual({ hits: 1, misses: 2 });
    });

    it('is named when it has the wrong type by now', async () => {
      await known(1);
      await main.transaction([
        ['UNLINK', key],
        ['RPUSH', key, '1'],
      ]);
      await expect(known(2)).rejects.toMatchObject({ code: 'record_invalid', key });
      expect(await counts()).toEqual({ hits: 0, misses: 1 });
    });
  });

  it('may be null, and is what JSON makes of the value', async () => {
    expect((await ask('null', null)).value).toBeNull();
    expect(await ask('null', 1)).toEqual({ value: null, cached: true });
    expect((await ask('date', { at: new Date(0), gone: undefined })).value).toEqual({
      at: '1970-01-01T00:00:00.000Z',
    });
  });

  it('belongs to its caller: changing it changes no other', async () => {
    const { open, opened } = gate();
    const compute = async () => {
      await opened;
      return { list: [1] };
    };
    const asked = [1, 2].map(() => cache.getOrCompute({ endpointName: 'shared' }, compute));
    open();
    const [first, second] = await Promise.all(asked);
    first?.value.list.push(2);
    expect(second?.value.list).toEqual([1]);
  });

  it('that is too large is given but not kept', async () => {
    const small = new ResponseCache(main, { maxBodyBytes: 10 });
    const address = { endpointName: 'large' };
    expect((await small.getOrCompute(address, () => 'ü'.repeat(5))).value).toBe('üüüüü');
    await expect(small.save(address, 'ü'.repeat(5))).rejects.toMatchObject({ code: 'too_large' });
    expect(await allKeys(main, '*large*')).toEqual([]);
    await small.getOrCompute(address, () => 'ü'.repeat(4));
    expect(await cache.find(address)).toMatchObject({ value: 'üüüü' });
  });

  it('that the caller does not want kept is not', async () => {
    await cache.getOrCompute({ endpointName: 'odd' }, () => 1, { keep: (value) => value % 2 === 0 });
    expect(await allKeys(main, '*odd*')).toEqual([]);
  });

  it('can be saved, found and deleted by hand', async () => {
    const address = { endpointName: 'page', params: [1] };
    await cache.save(address, { at: 1 }, { ttlSeconds: 60 });
    expect(await cache.get(address)).toMatchObject({ value: { at: 1 }, ttlSeconds: 60 });
    expect(await cache.delete(address)).toBe(true);
    expect(await cache.delete(address)).toBe(false);
    expect(await cache.find(address)).toBeUndefined();
    await expect(cache.get(address)).rejects.toMatchObject({ code: 'not_found' });
  });
});

describe('a value saved by hand', () => {
  it('is not replaced by an answer whose computation began before it', async () => {
    const { open, opened } = gate();
    const old = cache.getOrCompute({ endpointName: 'rates' }, () => opened.then(() => 'old'));
    await until(async () => (await allKeys(main, 'stacklore:cache-lock:*')).length === 1);
    await cache.save({ endpointName: 'rates' }, 'saved');
    expect((await cache.getOrCompute({ endpointName: 'rates' }, () => 'new')).value).toBe('saved');
    open();
    expect((await old).value).toBe('old');
    expect((await cache.get({ endpointName: 'rates' })).value).toBe('saved');
  });
});

describe('a stampede', () => {
  it('of 64 callers in one process computes once', async () => {
    let computed = 0;
    const answers = await Promise.all(
      Array.from({ length: 64 }, () => cache.getOrCompute({ endpointName: 'rush' }, async () => ++computed)),
    );
    expect(answers.map(({ value }) => value)).toEqual(Array(64).fill(1));
    expect(answers.filter(({ cached }) => !cached)).toHaveLength(1);
    expect(await counts()).toEqual({ hits: 63, misses: 1 });
  });

  it('of 64 clients with connections of their own computes once', async () => {
    let computed = 0;
    const clients = Array.from({ length: 64 }, () =>
      connectDatabases(loadConfig({ settings: redis.config(), env: {} })),
    );
    try {
      const answers = await Promise.all(
        clients.map((client) =>
          new ResponseCache(client.main).getOrCompute({ endpointName: 'rush' }, async () => {
            await new Promise((resolve) => setTimeout(resolve, 20));
            computed += 1;
            return computed;
          }),
        ),
      );
      expect(answers.map(({ value }) => value)).toEqual(Array(64).fill(1));
      expect(computed).toBe(1);
      // On a cluster the counts lie in another slot and follow the answers.
      await expect.poll(counts, { timeout: 20_000 }).toEqual({ hits: 63, misses: 1 });
      expect(await allKeys(main, 'stacklore:cache-lock:*')).toEqual([]);
    } finally {
      await Promise.all(clients.map((client) => client.close()));
    }
  });

  const program = (computeMs: number, answer: string) =>
    runTypeScript(
      new URL('../../support/compute-once.ts', import.meta.url),
      [redis.url, String(computeMs), answer],
      {
        env: { PATH: process.env.PATH, STACKLORE_HOME: `${redis.dir}/home` },
      },
    );

  it('of several processes computes once', async () => {
    const programs = ['a', 'b', 'c'].map((name) => program(400, name));
    expect(await Promise.all(programs.map(({ ended }) => ended))).toEqual([0, 0, 0]);
    expect(await main.send(['GET', 'test:computations'])).toBe('1');
    const answers = new Set(programs.map((one) => one.output().match(/\{.*\}/)?.[0]));
    expect(answers.size).toBe(1);
  });

  it('outlives the process that computes', async () => {
    const dying = program(60_000, 'never');
    await dying.printed('computing');
    const [lock = ''] = await allKeys(main, 'stacklore:cache-lock:*');
    dying.process.kill('SIGKILL');
    await dying.ended;
    // As if the lock's ten seconds had passed.
    const asked = cache.getOrCompute({ endpointName: 'slow', params: { of: 'all' } }, () => 'after all');
    await main.send(['PEXPIRE', lock, '20']);
    expect(await asked).toEqual({ value: 'after all', cached: false });
  });
});

describe('a computation', () => {
  const other = () => new ResponseCache(main);

  it('that fails is not cached, and the next caller tries', async () => {
    const failing = cache.getOrCompute({ endpointName: 'flaky' }, () => Promise.reject(new Error('no luck')));
    const waiting = other().getOrCompute({ endpointName: 'flaky' }, () => 'luck');
    await expect(failing).rejects.toThrow('no luck');
    expect(await waiting).toEqual({ value: 'luck', cached: false });
  });

  it('that fails lets a caller of the same process try', async () => {
    const failing = cache.getOrCompute({ endpointName: 'flaky' }, () => Promise.reject(new Error('no luck')));
    const waiting = cache.getOrCompute({ endpointName: 'flaky' }, () => 'luck');
    await expect(failing).rejects.toThrow('no luck');
    expect((await waiting).value).toBe('luck');
    expect(await allKeys(main, 'stacklore:cache-lock:*')).toEqual([]);
  });

  it('that always fails is not repeated for each of many callers', async () => {
    let tries = 0;
    const asked = Array.from({ length: 64 }, () =>
      cache.getOrCompute({ endpointName: 'broken' }, async () => {
        tries += 1;
        throw new Error('broken');
      }),
    );
    const settled = await Promise.allSettled(asked);
    expect(settled.every(({ status }) => status === 'rejected')).toBe(true);
    expect(tries).toBe(2);
  });

  it('of what JSON cannot hold is refused', async () => {
    await expect(ask('nothing', () => 1)).rejects.toMatchObject({ code: 'invalid_input' });
    await expect(cache.getOrCompute({ endpointName: 'none' }, () => undefined)).rejects.toMatchObject({
      code: 'invalid_input',
    });
    expect(await allKeys(main, '*:none:*')).toEqual([]);
  });

  it('renews its lock for as long as it takes, and others wait for it', async () => {
    const quick = new ResponseCache(main, { lockMs: 600 });
    const { open, opened } = gate();
    const slow = quick.getOrCompute({ endpointName: 'slow' }, () => opened.then(() => 'slow'));
    const lock = lockOf('slow');
    await until(async () => (await main.send(['EXISTS', lock])) === 1);
    // Only a renewal makes this shorter at once: no pause of the test can let the lock end.
    await main.send(['PEXPIRE', lock, '60000']);
    const waiting = other().getOrCompute({ endpointName: 'slow' }, () => 'second');
    await until(async () => Number(await main.send(['PTTL', lock])) <= 600);
    await main.send(['PEXPIRE', lock, '60000']);
    open();
    expect((await slow).value).toBe('slow');
    expect(await waiting).toEqual({ value: 'slow', cached: true });
  });

  it('of another process is waited for so long only', async () => {
    await main.send(['SET', lockOf('stuck'), 'another', 'PX', '60000']);
    const asked = cache.getOrCompute({ endpointName: 'stuck' }, () => 'own', { waitMs: 30 });
    expect(await asked).toEqual({ value: 'own', cached: false });
    expect(await main.send(['GET', lockOf('stuck')])).toBe('another');
  });

  it('is not held up for ever by a lock without an end', async () => {
    await main.send(['SET', lockOf('stuck'), 'another']);
    await new ResponseCache(main, { lockMs: 50 }).getOrCompute({ endpointName: 'stuck' }, () => 'own');
    expect((await cache.get({ endpointName: 'stuck' })).value).toBe('own');
  });
});

describe('an invalidation', () => {
  it('forgets one endpoint and no other', async () => {
    for (const endpointName of ['a', 'ab', 'a*', '*']) {
      for (const params of [1, 2]) await cache.save({ endpointName, params }, endpointName);
    }
    await cache.save({ endpoint: 'a', params: 1 }, 'hashed');
    expect(await cache.invalidate({ endpointName: 'a*' })).toBe(2);
    expect(await cache.invalidate({ endpointName: 'a' })).toBe(2);
    expect(await cache.invalidate({ endpointName: '*' })).toBe(2);
    expect(await cache.stats()).toMatchObject({
      entries: 3,
      endpoints: [{ endpoint: 'ab', entries: 2 }, { entries: 1 }],
    });
    expect(await cache.invalidate({ endpoint: 'a' })).toBe(1);
  });

  it('forgets answers that other programs keep', async () => {
    await main.send(['MSET', 'cache:api:x?:1', '1', 'cache:api:x?:a:b', '2', 'cache:api:xy:1', '3']);
    expect(await cache.invalidate({ endpointName: 'x?' })).toBe(2);
    expect(await allKeys(main, 'cache:*')).toEqual(['cache:api:xy:1']);
  });

  it('keeps no answer whose computation began before it', async () => {
    const { open, opened } = gate();
    const old = cache.getOrCompute({ endpointName: 'news' }, () => opened.then(() => 'old'));
    await until(async () => (await allKeys(main, 'stacklore:cache-lock:*')).length === 1);
    await cache.invalidate({ endpointName: 'news' });
    expect((await cache.getOrCompute({ endpointName: 'news' }, () => 'new')).value).toBe('new');
    open();
    expect((await old).value).toBe('old');
    expect((await cache.get({ endpointName: 'news' })).value).toBe('new');
  });

  it('of everything leaves other records alone', async () => {
    await main.send(['MSET', 'cache:other', '1', 'session:cache:api:x', '2']);
    await ask(1);
    await ask(2);
    expect(await cache.clear()).toBe(2);
    expect(await allKeys(main, '*')).toEqual(['cache:other', 'session:cache:api:x', 'stacklore:cache-stats']);
  });
});

describe('wrong input', () => {
  it.each<[string, object]>([
    ['no endpoint', {}],
    ['two endpoints', { endpoint: 'a', endpointName: 'b' }],
    ['an empty name', { endpointName: '' }],
    ['a control character', { endpointName: 'a\nb' }],
    ['an endless name', { endpointName: 'a'.repeat(600) }],
    ['parameters twice', { endpointName: 'a', params: 1, paramsName: 'b' }],
    ['parameters that are no JSON', { endpointName: 'a', params: { at: Number.NaN } }],
    ['a misspelt member', { endpointName: 'a', parameters: {} }],
  ])('is refused: %s', async (_name, address) => {
    await expect(cache.getOrCompute(address, () => 1)).rejects.toMatchObject({ code: 'invalid_input' });
  });

  it.each([0, -1, 1.5, Number.NaN, 1e12])('is refused: a TTL of %s', async (ttlSeconds) => {
    const asked = cache.getOrCompute({ endpointName: 'a' }, () => 1, { ttlSeconds });
    await expect(asked).rejects.toMatchObject({ code: 'invalid_input' });
  });

  it('of the wrong Redis type names the key', async () => {
    await main.send(['RPUSH', 'cache:api:listed:default', '1']);
    const asked = () => cache.getOrCompute({ endpointName: 'listed' }, () => 1);
    await expect(asked()).rejects.toMatchObject({ code: 'record_invalid', key: 'cache:api:listed:default' });
    expect(await counts()).toEqual({ hits: 0, misses: 0 });
    await expect(cache.find({ endpointName: 'listed' })).rejects.toMatchObject({ code: 'record_invalid' });
    await main.send(['SET', 'stacklore:cache-stats', '1']);
    await expect(cache.stats()).rejects.toMatchObject({
      code: 'record_invalid',
      key: 'stacklore:cache-stats',
    });
  });

  it('that is no JSON is named when it is asked for by hand', async () => {
    await main.send(['SET', 'cache:api:bad:default', '{']);
    await expect(cache.find({ endpointName: 'bad' })).rejects.toMatchObject({
      code: 'record_invalid',
      key: 'cache:api:bad:default',
    });
  });
});

describe('without the database', () => {
  const away = (options: ResponseCacheOptions) => {
    const settings = { connectTimeoutMs: 200, databases: { main: { url: 'redis://127.0.0.1:1' } } };
    const databases = connectDatabases(loadConfig({ settings: redis.config(settings), env: {} }));
    return new ResponseCache(databases.main, options);
  };

  it('answers are computed', async () => {
    const lonely = away({});
    expect(await lonely.getOrCompute({ endpointName: 'a' }, () => 1)).toEqual({ value: 1, cached: false });
    expect(await lonely.getOrCompute({ endpointName: 'a' }, () => 2)).toEqual({ value: 2, cached: false });
  });

  it('callers are told where they want to know', async () => {
    const asked = away({ whenAway: 'throw' }).getOrCompute({ endpointName: 'a' }, () => 1);
    await expect(asked).rejects.toMatchObject({ code: 'database_unreachable' });
  });

  it('errors of computations are theirs', async () => {
    const asked = away({}).getOrCompute({ endpointName: 'a' }, () => Promise.reject(new Error('mine')));
    await expect(asked).rejects.toThrow('mine');
  });
});
