import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ConfigInput } from '../../src/config.ts';
import type { Database } from '../../src/redis/databases.ts';
import type { PrivateRedis } from '../../src/redis/private-redis.ts';
import type { Role } from '../../src/redis/rights.ts';
import { type OpenOptions, openStacklore, type Stacklore } from '../../src/stacklore.ts';
import { openTestLore } from './lore.ts';

const DATABASES = ['main', 'knowledge', 'prompts', 'analytics'] as const;

/**
 * Opens a Stacklore whose four databases are each reached by a user of its own, with the rights of a role in that
 * database and nothing else; made by `admin`, closed after the file's last test.
 */
export async function openAs(
  role: Role,
  given: { redis: PrivateRedis; admin: Stacklore; settings?: ConfigInput; options?: OpenOptions },
): Promise<Stacklore> {
  const { redis, admin, settings = {}, options = {} } = given;
  const databases = Object.fromEntries(
    await Promise.all(
      DATABASES.map(async (name) => {
        const passwordFile = join(redis.dir, `${role}-${name}.password`);
        writeFileSync(passwordFile, randomBytes(16).toString('hex'), { mode: 0o600 });
        const username = `${role}-${name}`;
        const { command } = openStacklore({}, { env: {} }).maintenance.userRules({
          ...{ user: username, grants: { [name]: role }, passwordFile },
        });
        await admin.databases.main.send(command.split(' '));
        return [name, { username, passwordFile }] as const;
      }),
    ),
  );
  return openTestLore(redis, { ...settings, databases }, options);
}

/** What the server has denied since the last call, as `user: reason object`. */
export async function deniedSince(database: Database): Promise<string[]> {
  const entries = await database.send<unknown[][]>(['ACL', 'LOG', '128']);
  await database.send(['ACL', 'LOG', 'RESET']);
  return entries.map((flat) => {
    const entry = new Map(flat.map((name, at) => [name, flat[at + 1]]));
    return `${entry.get('username')}: ${entry.get('reason')} ${entry.get('object')}`;
  });
}
