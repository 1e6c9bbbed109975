import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type ConfigInput, loadConfig } from '../../src/config.ts';
import { connectDatabases, type Databases } from '../../src/redis/databases.ts';
import { usePrivateRedis } from '../support/redis.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const redis = usePrivateRedis();
const opened: Databases[] = [];

function connect(settings: ConfigInput): Databases {
  const databases = connectDatabases(loadConfig({ settings: redis.config(settings), env: {} }));
  opened.push(databases);
  return databases;
}

function passwordFile(content: string): string {
  const path = join(temporaryFolder(), 'password');
  writeFileSync(path, `${content}\n`);
  return path;
}

async function setPassword(user: string, password: string): Promise<void> {
  const rules = ['reset', 'on', `>${password}`, '~*', '+@all'];
  await connect({}).main.send(['ACL', 'SETUSER', user, ...rules]);
}

const whoAmI = (databases: Databases) => databases.main.send(['ACL', 'WHOAMI']);

beforeAll(() => setPassword('app', 'first'));

afterEach(async () => {
  await Promise.all(opened.splice(0).map((databases) => databases.close()));
});

describe('a password in a file', () => {
  it('is that of one database', async () => {
    const own = { username: 'app', passwordFile: passwordFile('first') };
    const databases = connect({ databases: { main: own } });
    expect(await whoAmI(databases)).toBe('app');
    expect(await databases.knowledge.send(['ACL', 'WHOAMI'])).toBe('default');
  });

  it('is that of the server of all, over one in its URL', async () => {
    const redisUrl = redis.url.replace('unix:', 'unix://app:wrong@');
    expect(await whoAmI(connect({ redisUrl, redisPasswordFile: passwordFile('first') }))).toBe('app');
  });

  it('gives way to a password of the database itself', async () => {
    const redisUrl = redis.url.replace('unix:', 'unix://app@');
    const databases = { main: { password: 'first' } };
    expect(await whoAmI(connect({ redisUrl, redisPasswordFile: passwordFile('wrong'), databases }))).toBe(
      'app',
    );
  });

  it('is read anew for each connection, so that a rotated one is used', async () => {
    await setPassword('rotated', 'old');
    const path = passwordFile('old');
    const databases = connect({ databases: { main: { username: 'rotated', passwordFile: path } } });
    const id = await databases.main.send<number>(['CLIENT', 'ID']);
    await setPassword('rotated', 'new');
    writeFileSync(path, 'new');
    await connect({}).prompts.send(['CLIENT', 'KILL', 'ID', String(id)]);
    await expect.poll(() => whoAmI(databases).catch(() => undefined)).toBe('rotated');
    expect(await databases.main.send<number>(['CLIENT', 'ID'])).not.toBe(id);
  });

  it('that is wrong is refused by the name of the file, and never shown', async () => {
    const path = passwordFile('not-the-password');
    const failure = expect(
      whoAmI(connect({ databases: { main: { username: 'app', passwordFile: path } } })),
    ).rejects;
    await failure.toMatchObject({ code: 'database_auth' });
    await failure.toThrow(`read from ${path}`);
    await failure.not.toThrow(/not-the-password/);
  });

  it('that is not there is refused before anything is sent', async () => {
    const own = { username: 'app', passwordFile: join(temporaryFolder(), 'gone') };
    const failure = expect(whoAmI(connect({ databases: { main: own } }))).rejects;
    await failure.toMatchObject({ code: 'invalid_config' });
    await failure.toThrow(/STACKLORE_MAIN_PASSWORD_FILE\) names the file .*there is no such file/);
  });
});
