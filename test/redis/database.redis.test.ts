import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type ConfigInput, loadConfig } from '../../src/config.ts';
import { connectDatabases, type Database, type Databases } from '../../src/redis/databases.ts';
import { usePrivateRedis } from '../support/redis.ts';
import { runTypeScript } from '../support/run-typescript.ts';

const redis = usePrivateRedis();
const PROGRAM = new URL('./programs/one-command.ts', import.meta.url);
const opened: Databases[] = [];

function connect(settings: ConfigInput = {}): Databases {
  const databases = connectDatabases(loadConfig({ settings: redis.config(settings), env: {} }));
  opened.push(databases);
  return databases;
}

async function clientNames(databases: Databases): Promise<string[]> {
  const list = await databases.main.send<string>(['CLIENT', 'LIST', 'TYPE', 'normal']);
  return [...list.matchAll(/ name=(\S+)/g)].map((match) => match[1] ?? '').sort();
}

afterEach(async () => {
  await Promise.all(opened.splice(0).map((databases) => databases.close()));
});

describe('a duplicate', () => {
  const numberOf = async (database: Database) =>
    / db=(\d+)/.exec(await database.send<string>(['CLIENT', 'INFO']))?.[1];

  it('is a further connection to the same database, behind which nothing waits', async () => {
    const { prompts } = connect();
    const duplicate = prompts.duplicate();
    expect(duplicate.name).toBe('prompts');
    expect(await numberOf(duplicate)).toBe('2');
    const ids = [prompts, duplicate].map((one) => one.send<number>(['CLIENT', 'ID']));
    expect(new Set(await Promise.all(ids)).size).toBe(2);

    const blocked = duplicate.send(['BLPOP', 'duplicate:list', '0'], { timeoutMs: 10_000 });
    await prompts.send(['RPUSH', 'duplicate:list', 'x']);
    expect(await blocked).toEqual(['duplicate:list', 'x']);
  });

  it('closes by itself and leaves the database open', async () => {
    const databases = connect();
    const duplicate = databases.prompts.duplicate();
    await duplicate.send(['PING']);
    await duplicate.close();
    await expect(duplicate.send(['PING'])).rejects.toMatchObject({ code: 'database_unreachable' });
    expect(await databases.prompts.send(['PING'])).toBe('PONG');
    await expect.poll(() => clientNames(databases)).toEqual(['stacklore:main', 'stacklore:prompts']);
  });

  it('closes with its database, which gives no further one', async () => {
    const databases = connect();
    const duplicate = databases.prompts.duplicate();
    await duplicate.send(['PING']);
    await databases.prompts.close();
    await expect(duplicate.send(['PING'])).rejects.toMatchObject({ code: 'database_unreachable' });
    expect(() => databases.prompts.duplicate()).toThrow(/was closed by this program/);
    await expect.poll(() => clientNames(databases)).toEqual(['stacklore:main']);
  });

  it('rejects what replicas are to confirm once it is closed', async () => {
    const { main } = connect({ confirm: { replicas: 1 } });
    await main.close();
    const late = main.send(['SET', 'late', '1'], { isConfirmed: true });
    await expect(late).rejects.toThrow(/was closed by this program/);
  });
});

describe('connecting', () => {
  it('opens one named connection for each database, with its first command', async () => {
    const databases = connect();
    expect(await clientNames(databases)).toEqual(['stacklore:main']);
    await Promise.all(Array.from({ length: 20 }, () => databases.knowledge.send(['PING'])));
    await Promise.all([databases.prompts.send(['PING']), databases.analytics.send(['PING'])]);
    expect(await clientNames(databases)).toEqual([
      'stacklore:analytics',
      'stacklore:knowledge',
      'stacklore:main',
      'stacklore:prompts',
    ]);
  });

  it('uses database 0 for main and knowledge, 2 for prompts, 3 for analytics', async () => {
    const databases = connect();
    for (const name of ['main', 'knowledge', 'prompts', 'analytics'] as const) {
      await databases[name].send(['SET', `number-of-${name}`, '1']);
    }
    const keyspace = await databases.main.send<string>(['INFO', 'keyspace']);
    expect([...keyspace.matchAll(/db(\d+):keys=(\d+)/g)].map((match) => [match[1], match[2]])).toEqual([
      ['0', '2'],
      ['2', '1'],
      ['3', '1'],
    ]);
  });

  it('prefers the configured number to that of the URL, and that of its own URL to the default', async () => {
    const url = `${redis.url}?db=5`;
    const databases = connect({ databases: { main: { url, number: 6 }, prompts: { url } } });
    const infos = await Promise.all(
      [databases.main, databases.prompts].map((database) => database.send<string>(['CLIENT', 'INFO'])),
    );
    expect(infos.map((info) => / db=(\d+)/.exec(info)?.[1])).toEqual(['6', '5']);
  });

  it('refuses a database number the server does not have', async () => {
    const { main } = connect({ databases: { main: { number: 999 } } });
    await expect(main.send(['PING'])).rejects.toMatchObject({ code: 'invalid_config' });
  });

  it('leaves no connection behind when it is closed', async () => {
    const databases = connect();
    await databases.knowledge.send(['PING']);
    await databases.close();
    const other = connect();
    await expect.poll(() => clientNames(other)).toEqual(['stacklore:main']);
  });

  it('lets a program end once it is closed, however long its deadlines are', async () => {
    const program = runTypeScript(PROGRAM, [redis.url]);
    expect(await program.ended).toBe(0);
    expect(program.output()).toBe('PONG\n');
  });

  it('keeps a program alive while it tries to connect', async () => {
    const program = runTypeScript(PROGRAM, ['redis://127.0.0.1:1']);
    expect(await program.ended).toBe(0);
    expect(program.output()).toBe('database_unreachable\n');
  });

  it('answers the commands under way before it closes', async () => {
    const databases = connect();
    await databases.main.send(['PING']);
    const replies = databases.main.pipeline(Array.from({ length: 500 }, (_, at) => ['ECHO', String(at)]));
    await databases.close();
    expect((await replies)[499]).toBe('499');
  });
});

describe('send', () => {
  it('keeps every byte value of key, field and value', async () => {
    const { knowledge } = connect();
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, value) => value));
    await knowledge.send(['HSET', bytes, bytes, bytes]);
    expect(await knowledge.send(['HGETALL', bytes], { buffers: true })).toEqual([bytes, bytes]);
  });

  it('keeps a vector of 1536 bytes', async () => {
    const { knowledge } = connect();
    const vector = Float32Array.from({ length: 384 }, (_, at) => Math.sin(at) / 7);
    const bytes = Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength);
    await knowledge.send(['HSET', 'vector', 'text', 'été ✓ 🦊', 'embedding', bytes]);
    const [text, embedding] = await knowledge.send<[Buffer, Buffer]>(
      ['HMGET', 'vector', 'text', 'embedding'],
      {
        buffers: true,
      },
    );
    expect(text.toString()).toBe('été ✓ 🦊');
    expect(new Float32Array(Uint8Array.from(embedding).buffer)).toEqual(vector);
  });

  it('gives numbers, nil and text as Redis replies them', async () => {
    const { main } = connect();
    expect(await main.send(['INCR', 'counter'])).toBe(1);
    expect(await main.send(['GET', 'absent'])).toBeNull();
    expect(await main.send(['ECHO', 'été'])).toBe('été');
  });

  it('rejects what Redis refuses with the reply as cause, and goes on', async () => {
    const { main } = connect();
    await main.send(['SET', 'text', 'x']);
    await expect(main.send(['HGET', 'text', 'field'])).rejects.toMatchObject({
      code: 'database_error',
      message: expect.stringMatching(/refused HGET: WRONGTYPE/),
      cause: { message: expect.stringMatching(/^WRONGTYPE/) },
    });
    expect(await main.send(['GET', 'text'])).toBe('x');
  });

  it('refuses an argument that is neither text nor Buffer, and goes on', async () => {
    const { main } = connect();
    const number = 1 as unknown as string; // what a caller without types could pass
    await expect(main.send(['SET', 'wrong', number])).rejects.toMatchObject({ code: 'internal' });
    expect(await main.send(['EXISTS', 'wrong'])).toBe(0);
  });
});

describe('pipeline', () => {
  it('gives the replies in order', async () => {
    const { main } = connect();
    const commands = Array.from({ length: 2_000 }, (_, at) => ['ECHO', `reply ${at}`]);
    expect(await main.pipeline(commands)).toEqual(commands.map(([, text]) => text));
  });

  it('gives bytes on request', async () => {
    const { main } = connect();
    const bytes = Buffer.from([0, 255, 128]);
    expect(await main.pipeline([['ECHO', bytes], ['PING']], { buffers: true })).toEqual([bytes, 'PONG']);
  });

  it('gives nothing for nothing', async () => {
    expect(await connect().main.pipeline([])).toEqual([]);
  });

  it('rejects with the first failure once all commands are carried out', async () => {
    const { main } = connect();
    await main.send(['SET', 'text', 'x']);
    const replies = main.pipeline([['HGET', 'text', 'field'], ['NOSUCHCOMMAND'], ['SET', 'after', 'done']]);
    await expect(replies).rejects.toThrow(/WRONGTYPE/);
    expect(await main.send(['GET', 'after'])).toBe('done');
  });
});

describe('transaction', () => {
  it('gives the replies of the commands', async () => {
    const { main } = connect();
    const bytes = Buffer.from([0, 255]);
    expect(
      await main.transaction(
        [
          ['SET', 'a', bytes],
          ['GET', 'a'],
        ],
        { buffers: true },
      ),
    ).toEqual(['OK', bytes]);
    expect(await main.transaction([])).toEqual([]);
  });

  it('does nothing when one command is refused beforehand', async () => {
    const { main } = connect();
    await expect(
      main.transaction([
        ['SET', 'half', '1'],
        ['SET', 'half'],
      ]),
    ).rejects.toThrow(/wrong number of arguments/);
    expect(await main.send(['EXISTS', 'half'])).toBe(0);
  });

  it('does nothing when one argument is neither text nor Buffer', async () => {
    const { main } = connect();
    const number = 1 as unknown as string; // what a caller without types could pass
    await expect(
      main.transaction([
        ['SET', 'half', '1'],
        ['SET', 'other', number],
      ]),
    ).rejects.toMatchObject({
      code: 'internal',
    });
    expect(await main.send(['EXISTS', 'half'])).toBe(0);
  });

  it('rejects with the failure of a command on its data', async () => {
    const { main } = connect();
    await main.send(['SET', 'text', 'x']);
    await expect(
      main.transaction([
        ['INCR', 'text'],
        ['SET', 'other', '1'],
      ]),
    ).rejects.toThrow(/not an integer/);
  });

  it('keeps transactions sent at the same time apart', async () => {
    const { main } = connect();
    const transactions = Array.from({ length: 50 }, (_, at) =>
      main.transaction<number>([
        ['INCR', 'together'],
        ['ECHO', String(at)],
        ['INCR', 'together'],
      ]),
    );
    for (const [first, , second] of await Promise.all(transactions)) expect(second).toBe(Number(first) + 1);
  });
});

describe('a server that refuses', () => {
  const admin = () => connect().analytics;
  const restore = async (name: string, value: string) => {
    await admin().send(['CONFIG', 'SET', name, value]);
  };

  it('is full', async () => {
    const { main } = connect();
    await admin().send(['CONFIG', 'SET', 'maxmemory', '1mb']);
    await expect(main.send(['SET', 'key', 'x'])).rejects.toMatchObject({ code: 'database_full' });
    await expect(main.transaction([['SET', 'key', 'x']])).rejects.toMatchObject({ code: 'database_full' });
    await expect(main.pipeline([['PING'], ['SET', 'key', 'x']])).rejects.toMatchObject({
      code: 'database_full',
    });
    await restore('maxmemory', '0');
  });

  it('is a read-only replica', async () => {
    const { main } = connect();
    await admin().send(['REPLICAOF', '127.0.0.1', '1']);
    const failure = await main.send(['SET', 'key', 'x']).catch((error: unknown) => error);
    await admin().send(['REPLICAOF', 'NO', 'ONE']);
    expect(failure).toMatchObject({ code: 'database_readonly', message: expect.stringMatching(/REDIS_URL/) });
  });
});

describe('a server with passwords', () => {
  beforeAll(async () => {
    const { main } = connectDatabases(loadConfig({ settings: redis.config(), env: {} }));
    await main.send(['ACL', 'SETUSER', 'reader', 'on', '>re@d', '~*', '+get', '+exists']);
    await main.send(['ACL', 'SETUSER', 'default', 'resetpass', '>s3cret']);
    await main.close();
  });
  afterAll(async () => {
    const { main } = connectDatabases(
      loadConfig({ settings: redis.config({ databases: { main: { password: 's3cret' } } }), env: {} }),
    );
    await main.send(['ACL', 'SETUSER', 'default', 'nopass']);
    await main.close();
  });

  it('wants one', async () => {
    const failure = expect(connect().main.send(['PING'])).rejects;
    await failure.toMatchObject({ code: 'database_auth' });
    await failure.toThrow(/wants a password.*REDIS_URL.*databases\.main\.password/);
  });

  it('refuses a wrong one without repeating it', async () => {
    const failure = expect(
      connect({ databases: { main: { password: 'wr0ng' } } }).main.send(['PING']),
    ).rejects;
    await failure.toMatchObject({ code: 'database_auth' });
    await failure.not.toThrow(/wr0ng/);
  });

  it('takes the right one from the URL', async () => {
    const { main } = connect({ redisUrl: redis.url.replace('unix:', 'unix://:s3cret@') });
    expect(await main.send(['PING'])).toBe('PONG');
  });

  it('takes that of the database before that of the URL', async () => {
    const redisUrl = redis.url.replace('unix:', 'unix://:wr0ng@');
    const { main } = connect({ redisUrl, databases: { main: { password: 's3cret' } } });
    expect(await main.send(['PING'])).toBe('PONG');
  });

  it('names the command a user may not send, and serves a user who may hardly do anything', async () => {
    const { main } = connect({ databases: { main: { username: 'reader', password: 're@d' } } });
    expect(await main.send(['GET', 'absent'])).toBeNull();
    const failure = expect(main.send(['SET', 'key', 'x'])).rejects;
    await failure.toMatchObject({ code: 'database_auth' });
    await failure.toThrow(/does not allow SET \(NOPERM .*ACL SETUSER/);
  });
});
