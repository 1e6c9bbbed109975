import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ConfigInput } from '../../../src/config.ts';
import type { Stacklore } from '../../../src/stacklore.ts';
import { openAs } from '../../support/acl-users.ts';
import { openTestLore } from '../../support/lore.ts';
import { usePrivateRedis } from '../../support/redis.ts';
import { runCli } from '../../support/run-cli.ts';
import { startTlsProxy, type TlsProxy } from '../../support/tls-proxy.ts';

const redis = usePrivateRedis({ port: 'free' });
let admin: Stacklore;
let proxy: TlsProxy;

beforeAll(async () => {
  admin = openTestLore(redis);
  proxy = await startTlsProxy({ path: redis.socketPath });
});
afterAll(() => proxy.close());

/** What the doctor finds about access, whoever asks. */
async function findings(lore: Stacklore): Promise<string[]> {
  const all = (await lore.maintenance.diagnose()).findings;
  return all
    .filter(({ check }) => check === 'rights' || check === 'connections')
    .map(({ severity, what }) => `${severity}: ${what}`);
}

const withSettings = (settings: ConfigInput) => openTestLore(redis, settings);

describe('the doctor', () => {
  it('finds nothing to say of a socket and a user who may do all', async () => {
    expect(await findings(admin)).toEqual([]);
  });

  it('finds nothing to say of users for maintenance', async () => {
    expect(await findings(await openAs('maintenance', { redis, admin }))).toEqual([]);
  });

  it('says what readers and writers may not, and what to grant', async () => {
    const found = await findings(await openAs('reader', { redis, admin }));
    expect(found).toHaveLength(4);
    expect(found[1]).toMatch(
      /^warning: The user reader-knowledge of the knowledge database lacks rights of a writer: .*\+ft\.create/,
    );
    const [first] = await findings(await openAs('writer', { redis, admin }));
    expect(first).toMatch(
      /^warning: The user writer-main .* lacks rights of a user for maintenance: \+append .*\+bgsave/,
    );
  });

  it('calls it an error when a user cannot even read', async () => {
    await admin.databases.main.send(
      'ACL SETUSER blind reset on >secret ~* +@all -ft.search -ft.aggregate'.split(' '),
    );
    const own = withSettings({ databases: { knowledge: { username: 'blind', password: 'secret' } } });
    expect(await findings(own)).toContainEqual(
      'error: The user blind of the knowledge database lacks rights of a reader: +ft.search.',
    );
  });

  it('says when others could listen, or come in without a password', async () => {
    // An address that is not loopback's by its name, although it leads there.
    const found = await findings(withSettings({ redisUrl: `redis://0.0.0.0:${redis.port}` }));
    expect(found).toEqual([
      expect.stringMatching(
        /^warning: The connection to the server of main, knowledge, prompts, analytics \(redis:\/\/0\.0\.0\.0:\d+\/0\) is not encrypted/,
      ),
      expect.stringMatching(/^error: .* lets anyone in who reaches it/),
    ]);
    expect(await findings(withSettings({ redisUrl: `redis://127.0.0.1:${redis.port}` }))).toEqual([]);
  });

  it('says when any certificate is accepted', async () => {
    const redisUrl = `rediss://127.0.0.1:${proxy.port}`;
    expect(await findings(withSettings({ redisUrl, tls: { rejectUnauthorized: false } }))).toEqual([
      expect.stringMatching(/^warning: Any certificate of the server of main, .* is accepted/),
    ]);
  });

  it('says when every user of the machine may read a password', async () => {
    const path = join(redis.dir, 'shared-password');
    writeFileSync(path, 'secret');
    await admin.databases.main.send('ACL SETUSER filed reset on >secret ~* +@all'.split(' '));
    const settings = { databases: { main: { username: 'filed', passwordFile: path } } };
    chmodSync(path, 0o644);
    expect(await findings(withSettings(settings))).toEqual([
      `warning: Every user of this machine may read the password in ${path}.`,
    ]);
    chmodSync(path, 0o640);
    expect(await findings(withSettings(settings))).toEqual([]);
  });
});

describe('the status', () => {
  it('tells who is connected and how', async () => {
    const redisUrl = `rediss://127.0.0.1:${proxy.port}`;
    const own = withSettings({
      redisUrl,
      tls: { rejectUnauthorized: false },
      databases: { main: { url: redis.url, username: 'filed', password: 'secret' } },
    });
    const encrypted = { transport: 'tls', user: 'default' };
    expect((await own.status()).connections).toEqual({
      main: { transport: 'socket', user: 'filed' },
      ...{ knowledge: encrypted, prompts: encrypted, analytics: encrypted },
    });
    const env = { REDIS_URL: `redis://filed:secret@127.0.0.1:${redis.port}`, STACKLORE_HOME: redis.dir };
    const { stdout } = await runCli(['status'], { env });
    expect(stdout + (await runCli(['status', '--json'], { env })).stdout).not.toContain('secret');
    expect(stdout).toContain(
      'Connections: filed by TCP, not encrypted (main, knowledge, prompts, analytics)',
    );
  });
});
