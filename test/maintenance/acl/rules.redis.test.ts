import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { startPrivateRedis } from '../../../src/redis/private-redis.ts';
import type { Stacklore } from '../../../src/stacklore.ts';
import { openAs } from '../../support/acl-users.ts';
import { openTestLore } from '../../support/lore.ts';
import { usePrivateRedis } from '../../support/redis.ts';
import { cliOn, jsonOf, runCli } from '../../support/run-cli.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const redis = usePrivateRedis();
let admin: Stacklore;

beforeAll(() => {
  admin = openTestLore(redis);
});

const { run } = cliOn(redis);
const setUser = (command: string) => admin.databases.main.send(command.trim().split(' '));

function passwordFile(password: string): string {
  const path = join(temporaryFolder(), 'password');
  writeFileSync(path, `${password}\n`);
  return path;
}

describe('stacklore acl rules', () => {
  it('prints a command that makes a user who can log in', async () => {
    const file = passwordFile('a password');
    const { stdout, exitCode } = await run(
      'acl',
      'rules',
      'writer',
      '--user',
      'app',
      '--password-file',
      file,
    );
    expect({ exitCode, lines: stdout.trim().split('\n').length }).toEqual({ exitCode: 0, lines: 1 });
    expect(stdout).not.toContain('a password');
    expect(await setUser(stdout)).toBe('OK');
    const databases = { main: { username: 'app', passwordFile: file } };
    const { main } = openTestLore(redis, { databases }).databases;
    expect(await main.send(['ACL', 'WHOAMI'])).toBe('app');
  });

  it('gives an existing user these rights and no others', async () => {
    await setUser('ACL SETUSER old on >secret ~* +@all');
    await setUser((await run('acl', 'rules', 'knowledge=reader', '--user', 'old')).stdout);
    const list = await admin.databases.main.send<string[]>(['ACL', 'LIST']);
    const line = list.find((one) => one.startsWith('user old '));
    expect(line).not.toMatch(/ ~\* |\+@all|\+hset|#/);
    expect(line).toContain('%R~doc:*:metadata');
  });

  it('prints a line that the server takes from an ACL file', async () => {
    const { stdout } = await run('acl', 'rules', 'reader', 'main=writer', '--user', 'search', '--acl-file');
    expect(stdout).toMatch(/^user search on resetchannels -@all \+/);
    const aclFile = join(temporaryFolder(), 'users.acl');
    writeFileSync(aclFile, `user default on nopass ~* &* +@all\n${stdout}`);
    const server = await startPrivateRedis({ files: redis.files, args: ['--aclfile', aclFile] });
    try {
      const own = openTestLore(server);
      expect(await own.databases.main.send(['ACL', 'USERS'])).toEqual(['default', 'search']);
    } finally {
      await server.stop();
    }
  });

  it('adds keys of other tools', async () => {
    const args = [
      'knowledge=maintenance',
      '--read-keys',
      'doc:articles:*',
      '--write-keys',
      'copy:*',
      '--json',
    ];
    const made = jsonOf(await run('acl', 'rules', ...args));
    expect(made).toMatchObject({
      readable: ['doc:articles:*'],
      writable: expect.arrayContaining(['copy:*']),
    });
  });

  it.each([
    [['rules', 'owner'], /must be reader, writer or maintenance/],
    [['rules', 'main=writer', '__proto__=reader'], /some of main, knowledge, prompts and analytics/],
    [['rules', 'cellar=reader'], /some of main, knowledge, prompts and analytics/],
    [['rules', 'main=reader=writer'], /"main=reader=writer"/],
    [['rules', '--user', 'default'], /--user: must not be "default", whose rights/],
    [['rules', '--user', 'two words'], /--user: must be 1 to 128 letters/],
    [['rules', '--read-keys', 'a b'], /--read-keys: must be globs/],
    [['rules', '--password-file', '/nowhere/password'], /--password-file names the file \/nowhere\/password/],
    [['check', 'owner'], /must be reader, writer or maintenance/],
  ])('refuses %j', async (args, message) => {
    const { exitCode, stderr } = await run('acl', ...args);
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(message);
  });
});

describe('stacklore acl check', () => {
  it('finds nothing missing where the user may do all', async () => {
    expect(await run('acl', 'check', 'maintenance')).toMatchObject({ exitCode: 0 });
    const writer = await openAs('writer', { redis, admin });
    expect((await writer.maintenance.checkRights()).flatMap(({ missing }) => missing)).toEqual([]);
  });

  it('tells users, and the very rules that they lack', async () => {
    await setUser('ACL SETUSER lacking reset on >secret -@all +@all -ft.search -config|get ~* resetchannels');
    await setUser(
      'ACL SETUSER narrow reset on >secret +@all %R~doc:* ~stacklore:* ~index:documents ~llama_index/*',
    );
    const own = openTestLore(redis, {
      databases: {
        main: { username: 'lacking', password: 'secret' },
        knowledge: { username: 'narrow', password: 'secret' },
      },
    });
    expect(
      await own.maintenance.checkRights({ grants: { main: 'maintenance', knowledge: 'writer' } }),
    ).toEqual([
      { database: 'main', user: 'lacking', role: 'maintenance', missing: ['+config|get'] },
      { database: 'knowledge', user: 'narrow', role: 'writer', missing: ['~doc:*:metadata', '~fact:*'] },
    ]);
  });

  it('prints what to grant, and ends with 1', async () => {
    await setUser('ACL SETUSER poor reset on >secret ~* +ping +select +multi +exec +client|setname');
    const { exitCode, stdout } = await run(
      'acl',
      'check',
      'prompts=reader',
      '--redis-url',
      redis.url.replace('unix:', 'unix://poor:secret@'),
    );
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/prompts: ACL SETUSER poor \+acl\|whoami .*\+hgetall/);
    expect(stdout).not.toContain('secret');
  });

  it('carries nothing out, also where transactions are denied', async () => {
    await setUser('ACL SETUSER without reset on >secret ~* +@all -multi');
    await setUser('ACL SETUSER halfway reset on >secret ~* +@all -exec');
    for (const username of ['without', 'halfway']) {
      const own = openTestLore(redis, { databases: { main: { username, password: 'secret' } } });
      const [check] = await own.maintenance.checkRights({ grants: { main: 'writer' } });
      expect(check?.missing).toEqual([username === 'without' ? '+multi' : '+exec']);
    }
    expect(await admin.databases.main.send(['DBSIZE'])).toBe(0);
  });

  it('says which database gives no answer', async () => {
    const env = { REDIS_URL: 'unix:/nowhere/redis.sock', STACKLORE_CONNECT_TIMEOUT_MS: '100' };
    const { exitCode, stderr } = await runCli(['acl', 'check'], {
      env: { ...env, STACKLORE_HOME: redis.dir },
    });
    expect(exitCode).toBe(3);
    expect(stderr).toMatch(/database .* cannot be reached/);
  });
});
