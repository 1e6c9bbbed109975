import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ConfigInput, loadConfig } from '../../src/config.ts';
import { connectDatabases, type Databases } from '../../src/redis/databases.ts';
import { type PrivateRedis, startPrivateRedis } from '../../src/redis/private-redis.ts';
import { requireSearch } from '../../src/redis/search-module.ts';
import { usePrivateRedis } from '../support/redis.ts';

const redis = usePrivateRedis();
const opened: Databases[] = [];

function connect(settings: ConfigInput = {}, server: PrivateRedis = redis): Databases {
  const databases = connectDatabases(loadConfig({ settings: server.config(settings), env: {} }));
  opened.push(databases);
  return databases;
}

afterAll(() => Promise.all(opened.map((databases) => databases.close())));

describe('requireSearch', () => {
  it('accepts a database that can be indexed and leaves no index behind', async () => {
    const { knowledge } = connect();
    await Promise.all([requireSearch(knowledge), requireSearch(knowledge)]);
    await requireSearch(knowledge);
    expect(await knowledge.send(['FT._LIST'])).toEqual([]);
  });

  it('refuses another database number with the remedy', async () => {
    const failure = expect(
      requireSearch(connect({ databases: { knowledge: { number: 1 } } }).knowledge),
    ).rejects;
    await failure.toMatchObject({ code: 'search_unavailable' });
    await failure.toThrow(/STACKLORE_KNOWLEDGE_NUMBER=0/);
    expect(await connect().knowledge.send(['FT._LIST'])).toEqual([]);
  });

  it('tries again after it refused', async () => {
    const { knowledge, main } = connect({ databases: { knowledge: { username: 'lore', password: 'pw' } } });
    await main.send(['ACL', 'SETUSER', 'lore', 'on', '>pw', '~*', '+@all', '-ft.create']);
    await expect(requireSearch(knowledge)).rejects.toMatchObject({ code: 'database_auth' });
    await main.send(['ACL', 'SETUSER', 'lore', '+ft.create']);
    await requireSearch(knowledge);
  });

  it('leaves nothing behind for a user who may create but not drop', async () => {
    const { knowledge, main } = connect({ databases: { knowledge: { username: 'half', password: 'pw' } } });
    await main.send(['ACL', 'SETUSER', 'half', 'on', '>pw', '~*', '+@all', '-ft.dropindex']);
    const failure = expect(requireSearch(knowledge)).rejects;
    await failure.toMatchObject({ code: 'database_auth' });
    await failure.toThrow(/ACL SETUSER/);
    expect(await main.send(['FT._LIST'])).toEqual([]);
  });

  it('passes on that the server cannot be reached', async () => {
    const { knowledge } = connect({ redisUrl: 'redis://127.0.0.1:1', connectTimeoutMs: 100 });
    await expect(requireSearch(knowledge)).rejects.toMatchObject({ code: 'database_unreachable' });
  });
});

describe('requireSearch on a server without the module', () => {
  let plain: PrivateRedis;
  beforeAll(async () => {
    // The very program, without what a wrapper script or modulePath has it load.
    const info = await connect().main.send<string>(['INFO', 'server']);
    const serverPath = /^executable:(.+)\r$/m.exec(info)?.[1] ?? '';
    plain = await startPrivateRedis({ files: { serverPath, origin: 'given' } });
  });
  afterAll(() => plain?.stop());

  it('refuses it with the remedy', async () => {
    const failure = expect(requireSearch(connect({}, plain).knowledge)).rejects;
    await failure.toMatchObject({ code: 'search_unavailable' });
    await failure.toThrow(/no search module.*--loadmodule/);
  });
});
