import { describe, expect, test } from 'vitest';
import { ApiKeys } from '../../../src/stores/main/api-keys.ts';
import { openTestLore } from '../../support/lore.ts';
import { usePrivateRedis } from '../../support/redis.ts';

const redis = usePrivateRedis();
const open = (now?: () => number) => new ApiKeys(openTestLore(redis).databases.main, now ? { now } : {});

describe('an API key', () => {
  test('opens only what was named, and reading documents unless told otherwise', async () => {
    const keys = open();
    const { token, ...made } = await keys.create({ name: 'site' });
    expect(made).toMatchObject({ scopes: ['read'], families: ['documents'] });
    expect(await keys.authenticate(token)).toEqual(made);
  });

  test('is stored without its secret', async () => {
    const lore = openTestLore(redis);
    const { token, keyId } = await lore.apiKeys.create({
      name: 'site',
      userId: 'ada',
      collections: ['docs'],
    });
    const stored = await lore.databases.main.send<string[]>(['HGETALL', `stacklore:api-key:${keyId}`]);
    const secret = token.slice(-43);
    expect(stored.join(' ')).not.toContain(secret);
    expect(stored).toContain('secret_hash');
  });

  test('is refused with another secret, another id, or cut short', async () => {
    const keys = open();
    const [one, other] = [await keys.create({ name: 'one' }), await keys.create({ name: 'other' })];
    expect(await keys.authenticate(`sl_${one.keyId}_${other.token.slice(-43)}`)).toBeUndefined();
    expect(await keys.authenticate(`sl_${'0'.repeat(16)}_${one.token.slice(-43)}`)).toBeUndefined();
    expect(await keys.authenticate(one.token.slice(0, -1))).toBeUndefined();
    expect(await keys.authenticate('')).toBeUndefined();
  });

  test('opens nothing once revoked, and stays listed', async () => {
    const keys = open();
    const { token, keyId } = await keys.create({ name: 'gone' });
    expect(await keys.revoke(keyId)).toBe(true);
    expect(await keys.revoke(keyId)).toBe(false);
    expect(await keys.authenticate(token)).toBeUndefined();
    const { items } = await keys.list();
    expect(items.find((key) => key.keyId === keyId)).toMatchObject({
      name: 'gone',
      revokedAt: expect.any(Date),
    });
    await expect(keys.revoke('0'.repeat(16))).rejects.toMatchObject({ code: 'not_found' });
  });

  test('opens nothing from the moment it expires', async () => {
    let now = Date.parse('2025-01-15T10:00:00Z');
    const keys = open(() => now);
    const { token } = await keys.create({ name: 'short', expiresAt: new Date('2025-01-15T11:00:00Z') });
    expect(await keys.authenticate(token)).toMatchObject({ name: 'short' });
    now = Date.parse('2025-01-15T11:00:00Z');
    expect(await keys.authenticate(token)).toBeUndefined();
  });

  test('whose hash is damaged opens nothing', async () => {
    const lore = openTestLore(redis);
    const { token, keyId } = await lore.apiKeys.create({ name: 'damaged' });
    await lore.databases.main.send(['HSET', `stacklore:api-key:${keyId}`, 'secret_hash', 'zz']);
    expect(await lore.apiKeys.authenticate(token)).toBeUndefined();
  });

  test.each([
    [{}, 'name'],
    [{ name: ' ' }, 'name'],
    [{ name: 'x', scopes: [] }, 'scopes'],
    [{ name: 'x', scopes: ['all'] }, 'scopes.0'],
    [{ name: 'x', families: ['files'] }, 'families.0'],
    [{ name: 'x', collections: [] }, 'collections'],
    [{ name: 'x', user: 'ada' }, 'user'],
  ])('is not made from %j', async (input, field) => {
    await expect(open().create(input as { name: string })).rejects.toMatchObject({
      code: 'invalid_input',
      message: expect.stringContaining(field),
    });
  });
});

describe('a list of API keys', () => {
  test('names one that cannot be read and gives the others', async () => {
    const lore = openTestLore(redis);
    const { keyId } = await lore.apiKeys.create({ name: 'torn' });
    await lore.databases.main.send(['HDEL', `stacklore:api-key:${keyId}`, 'scopes']);
    const { items, unreadable } = await lore.apiKeys.list();
    expect(unreadable).toMatchObject([
      { key: `stacklore:api-key:${keyId}`, problem: expect.stringContaining('scopes') },
    ]);
    expect(items.length).toBeGreaterThan(0);
  });
});
