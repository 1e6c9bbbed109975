import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Connection } from '../../src/redis/connection.ts';
import { type Fate, isRefusal, withFate } from '../../src/redis/fate.ts';
import { repeat } from '../../src/redis/repeat.ts';

/** Work that fails in the given ways, one after the other, and then gives how often it was done. */
function failing(...fates: (Fate | 'for good')[]) {
  const done: number[] = [];
  const on = async (_: Connection, timeoutMs: number): Promise<number> => {
    done.push(timeoutMs);
    const fate = fates[done.length - 1];
    if (fate === undefined) return done.length;
    const error = new Error(`${fate} ${done.length}`);
    throw fate === 'for good' ? error : withFate(error, fate);
  };
  return { on, done, timeoutMs: 5_000, isRepeatable: false };
}

function place({ patienceMs = Number.POSITIVE_INFINITY, signal = new AbortController().signal } = {}) {
  // Nothing is asked of it here.
  return { connect: async () => ({}) as Connection, patienceMs, signal };
}

const begin = () => ({ startedAt: performance.now() });

describe('work that fails', () => {
  it('is done again while it is refused', async () => {
    expect(await repeat(failing('undone', 'undone', 'undone', 'undone'), place(), begin())).toBe(5);
  });

  it('is given less time each time', async () => {
    const work = failing('undone', 'undone');
    await repeat(work, place(), begin());
    expect(work.done[0]).toBe(5_000);
    expect(work.done[2]).toBeLessThan(work.done[1] ?? 0);
  });

  it('is done once where nobody can tell what became of it', async () => {
    const work = failing('unknown');
    await expect(repeat(work, place(), begin())).rejects.toThrow('unknown 1');
    expect(work.done).toHaveLength(1);
  });

  it('is done again even then if that does no harm, but not over and over', async () => {
    expect(await repeat({ ...failing('unknown', 'unknown'), isRepeatable: true }, place(), begin())).toBe(3);
    const deadly = { ...failing('unknown', 'unknown', 'unknown', 'unknown'), isRepeatable: true };
    await expect(repeat(deadly, place(), begin())).rejects.toThrow('unknown 3');
  });

  it('is not done again when it failed for good', async () => {
    await expect(repeat(failing('undone', 'for good'), place(), begin())).rejects.toThrow('for good 2');
  });

  it('is given up at its deadline, and when the server is not waited for any longer', async () => {
    const endless = failing(...Array<Fate>(1_000).fill('undone'));
    await expect(repeat({ ...endless, timeoutMs: 60 }, place(), begin())).rejects.toThrow(/undone/);
    await expect(repeat(endless, place({ patienceMs: 60 }), begin())).rejects.toThrow(/undone/);
  });

  it('is not done any more when connecting took the rest of its time', async () => {
    const work = { ...failing('undone'), timeoutMs: 60 };
    let connections = 0;
    const connect = async () => {
      connections += 1;
      if (connections > 1) await sleep(80);
      return {} as Connection;
    };
    await expect(repeat(work, { ...place(), connect }, begin())).rejects.toThrow('undone 1');
    expect(work.done).toHaveLength(1);
  });

  it('is given up when the database is closed', async () => {
    const closing = new AbortController();
    const work = failing(...Array<Fate>(1_000).fill('undone'));
    const failed = expect(repeat(work, place({ signal: closing.signal }), begin())).rejects.toThrow(/undone/);
    closing.abort();
    await failed;
  });

  it('is done again after a failure that came before', async () => {
    const failure = withFate(new Error('first'), 'undone');
    expect(await repeat(failing(), place(), { ...begin(), failure })).toBe(1);
    await expect(repeat(failing(), place(), { ...begin(), failure: new Error('final') })).rejects.toThrow(
      'final',
    );
  });
});

describe('a refusal', () => {
  it.each([
    'LOADING Redis is loading the dataset in memory',
    "READONLY You can't write against a read only replica.",
    "-READONLY You can't write against a read only replica. script: abc",
    "EXECABORT Transaction discarded because of: READONLY You can't write against a read only replica.",
    'MASTERDOWN Link with MASTER is down',
    'CLUSTERDOWN The cluster is down',
    'TRYAGAIN Multiple keys request during rehashing of slot',
    'Too many Cluster redirections. Please retry later.',
  ])('is seen in "%s"', (text) => expect(isRefusal(new Error(text))).toBe(true));

  it.each([
    "OOM command not allowed when used memory > 'maxmemory'.",
    'UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)',
    'ERR the text says READONLY somewhere',
    'WRONGTYPE Operation against a key holding the wrong kind of value',
    'Socket closed unexpectedly',
  ])('is not seen in "%s"', (text) => expect(isRefusal(new Error(text))).toBe(false));
});
