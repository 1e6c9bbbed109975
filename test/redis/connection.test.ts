import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { RedisCommand } from '../../src/redis/command.ts';
import { Connection } from '../../src/redis/connection.ts';
import { fateOf } from '../../src/redis/fate.ts';
import type { Wire } from '../../src/redis/wire.ts';

type Reply = (command: RedisCommand) => unknown;

/** A connection to a server, or to a cluster, that replies in a given way; errors are its own. */
function connectTo(reply: Reply, { isCluster = false } = {}) {
  const sent: string[] = [];
  const wire: Wire = {
    send: async (command) => {
      sent.push(String(command[0]));
      await nextTurn();
      const given = reply(command);
      if (given instanceof Error) throw given;
      return given;
    },
    transact: async () => [],
    isReply: (error) => error !== UNSENT,
    isUnsent: (error) => error === UNSENT,
    isStale: () => false,
    ...(isCluster && { masters: () => ['one:6379', 'two:6379'] }),
    destroy: () => {},
  };
  const context = { name: 'main', place: 'test', setting: 'REDIS_URL' } as const;
  const connection = new Connection(wire, {
    ...{ context, loadingTimeoutMs: 1_000, onNotice: () => {} },
    ...{ onRetired: () => {}, onSuperseded: () => {} },
  });
  return { connection, sent };
}

const fateOfFailed = (work: Promise<unknown>) =>
  work.then(
    () => 'none failed',
    (error: unknown) => fateOf(error),
  );

const LOADING = new Error('LOADING Redis is loading the dataset in memory');
const DOWN = new Error('CLUSTERDOWN Hash slot not served');
const UNSENT = new Error('connect ECONNREFUSED 127.0.0.1:1');

describe('a command that is refused as the server loads', () => {
  it('is sent when one server has loaded', async () => {
    let left = 2;
    const { connection, sent } = connectTo(() => (left-- > 0 ? LOADING : 'value'));
    expect(await connection.send(['GET', 'key'], false, 1_000)).toBe('value');
    expect(sent).toContain('PING');
  });

  it('is given back on a cluster, of which any node answers a PING', async () => {
    const { connection, sent } = connectTo(([name]) => (name === 'PING' ? 'PONG' : LOADING), {
      isCluster: true,
    });
    expect(await fateOfFailed(connection.send(['GET', 'key'], false, 1_000))).toBe('undone');
    expect(await fateOfFailed(connection.pipeline([['SET', 'key', '1']], false, 1_000))).toBe('undone');
    expect(sent).toEqual(['GET', 'SET']);
  });
});

describe('a command that was not sent, as its server could not be reached', () => {
  it('is given back as not carried out', async () => {
    const { connection } = connectTo(() => UNSENT, { isCluster: true });
    expect(await fateOfFailed(connection.send(['INCR', 'key'], false, 1_000))).toBe('undone');
    expect(await fateOfFailed(connection.pipeline([['INCR', 'key']], false, 1_000))).toBe('undone');
  });

  it('leaves open what became of a pipeline of which another was carried out', async () => {
    const { connection } = connectTo(([, key]) => (key === 'away' ? UNSENT : 1), { isCluster: true });
    const writes = [
      ['INCR', 'here'],
      ['INCR', 'away'],
    ];
    expect(await fateOfFailed(connection.pipeline(writes, false, 1_000))).toBe('unknown');
  });
});

describe('a pipeline of which a part is refused', () => {
  const replying = () => connectTo(([, key]) => (key === 'away' ? DOWN : 1), { isCluster: true }).connection;

  it('may be sent again where nothing but reads was carried out', async () => {
    const reads = [
      ['GET', 'here'],
      ['GET', 'away'],
    ];
    expect(await fateOfFailed(replying().pipeline(reads, false, 1_000))).toBe('undone');
    const refusedWrite = [
      ['GET', 'here'],
      ['INCR', 'away'],
    ];
    expect(await fateOfFailed(replying().pipeline(refusedWrite, false, 1_000))).toBe('undone');
  });

  it('may not where something was written', async () => {
    const writes = [
      ['INCR', 'here'],
      ['INCR', 'away'],
    ];
    expect(await fateOfFailed(replying().pipeline(writes, false, 1_000))).toBeUndefined();
  });
});
