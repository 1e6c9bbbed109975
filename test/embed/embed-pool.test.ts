import { afterEach, describe, expect, it } from 'vitest';
import { EmbedPool } from '../../src/embed/embed-pool.ts';
import { runTypeScript } from '../support/run-typescript.ts';

const ANSWER = 1;
const DIE = 2;
const FAIL = 3;
const THROW = 4;
const NEVER = 5;

const pools: EmbedPool[] = [];
afterEach(() => Promise.all(pools.splice(0).map((pool) => pool.close())));

function poolOf(workers: number, dir = 'model'): EmbedPool {
  const pool = new EmbedPool({
    workers,
    settings: { dir, weightsPath: '', threads: 1, pooling: 'mean', runtime: 'auto' },
    file: new URL('../support/scripted-worker.mjs', import.meta.url),
  });
  pools.push(pool);
  return pool;
}

describe('EmbedPool', () => {
  it('keeps the program alive until it is closed, also while a thread still loads', async () => {
    const program = runTypeScript(new URL('../support/close-while-loading.ts', import.meta.url));
    expect(await program.ended).toBe(0);
    expect(program.output()).toBe('closed');
  });

  it('answers each call with its own vector', async () => {
    const pool = poolOf(2);
    const vectors = await Promise.all(Array.from({ length: 50 }, (_, n) => pool.embed([ANSWER, n])));
    expect(vectors).toEqual(Array.from({ length: 50 }, (_, n) => Float32Array.of(ANSWER, n)));
  });

  it.each([
    ['ends', DIE, 'The embedding thread failed (it ended)'],
    ['throws', THROW, 'The embedding thread failed (out of luck)'],
  ])('rejects the calls of a thread that %s, and goes on with another', async (_, what, message) => {
    const pool = poolOf(1);
    const lost = await Promise.allSettled([pool.embed([what]), pool.embed([NEVER])]);
    for (const call of lost) {
      expect(call).toMatchObject({ status: 'rejected', reason: { code: 'embedding_failed' } });
    }
    expect(lost[0]).toMatchObject({ reason: { message: expect.stringContaining(message) } });
    expect(await pool.embed([ANSWER, 7])).toEqual(Float32Array.of(ANSWER, 7));
  });

  it('keeps the calls that wait when a thread dies', async () => {
    const pool = poolOf(1);
    const calls = [DIE, NEVER, ANSWER, ANSWER].map((what) => pool.embed([what]));
    const settled = await Promise.allSettled(calls);
    expect(settled.map((call) => call.status)).toEqual(['rejected', 'rejected', 'fulfilled', 'fulfilled']);
  });

  it('starts another thread when one has more calls than it takes', async () => {
    const pool = poolOf(2);
    await pool.embed([ANSWER]);
    const stuck = Promise.allSettled([pool.embed([NEVER]), pool.embed([NEVER])]);
    expect(await pool.embed([ANSWER, 3])).toEqual(Float32Array.of(ANSWER, 3));
    await pool.close();
    await stuck;
  });

  it('rejects only the text that fails', async () => {
    const pool = poolOf(1);
    const [failed, fine] = await Promise.allSettled([pool.embed([FAIL]), pool.embed([ANSWER])]);
    expect(failed).toMatchObject({
      reason: { code: 'embedding_failed', message: expect.stringContaining('bad text') },
    });
    expect(fine.status).toBe('fulfilled');
  });

  it('rejects every call when the model cannot be loaded, each time', async () => {
    const pool = poolOf(2, 'unusable');
    for (let round = 0; round < 2; round++) {
      const calls = await Promise.allSettled(Array.from({ length: 9 }, () => pool.embed([ANSWER])));
      for (const call of calls) {
        expect(call).toMatchObject({
          reason: {
            code: 'model_unavailable',
            message: expect.stringContaining('could not be loaded (no such model)'),
          },
        });
      }
    }
  });

  it('lets a process wait for a thread that is closed while it loads', async () => {
    const program = runTypeScript(new URL('../support/close-slow-pool.ts', import.meta.url), []);
    expect(await program.ended).toBe(0);
  });

  it('closes before, while and after it embeds, and refuses calls from then on', async () => {
    await poolOf(2).close();
    const warm = poolOf(1);
    warm.warm();
    await warm.close();
    const busy = poolOf(1);
    const pending = [busy.embed([NEVER]), busy.embed([NEVER]), busy.embed([NEVER])];
    const settled = Promise.allSettled(pending);
    await busy.close();
    for (const call of await settled) expect(call).toMatchObject({ reason: { code: 'embedding_failed' } });
    await expect(busy.embed([ANSWER])).rejects.toMatchObject({ code: 'embedding_failed' });
  });
});
