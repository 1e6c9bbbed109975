import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { StackloreError } from '../../errors.ts';
import type { Database } from '../../redis/databases.ts';
import { asObject, type UnreadableRecord, unreadable } from '../../redis/hash.ts';
import { writeInOrder } from '../../redis/write-in-order.ts';
import { type NewApiKey, parseNewApiKey } from '../../schema/api-key-input.ts';
import { apiKeyRecord, apiKeysRecord } from '../../schema/main.ts';
import type { ValueOf } from '../../schema/record.ts';
import { readRecords } from '../read-records.ts';

/** An API key as it is shown: what it opens, never its secret. */
export type ApiKey = Omit<ValueOf<typeof apiKeyRecord>, 'secretHash'> & { readonly keyId: string };

/** A key just made; its token is told this once. */
export interface CreatedApiKey extends ApiKey {
  readonly token: string;
}

/** All keys, the oldest first, and those that cannot be read. */
export interface ApiKeyList {
  readonly items: ApiKey[];
  readonly unreadable: readonly UnreadableRecord[];
}

const TOKEN = /^sl_([0-9a-f]{16})_([A-Za-z0-9_-]{43})$/;
const ID_BYTES = 8;
const SECRET_BYTES = 32;

/** API keys: 256 random bits each, of which only the SHA-256 is stored. A revoked key opens nothing from then on. */
export class ApiKeys {
  readonly #database: Database;
  readonly #now: () => number;

  constructor(database: Database, { now = Date.now }: { now?: () => number } = {}) {
    this.#database = database;
    this.#now = now;
  }

  /** Makes a key and tells its token, which cannot be told again. Throws `invalid_input` naming each bad field. */
  async create(input: NewApiKey): Promise<CreatedApiKey> {
    const { name, scopes, families, collections, userId, expiresAt } = parseNewApiKey(input);
    const keyId = randomBytes(ID_BYTES).toString('hex');
    const secret = randomBytes(SECRET_BYTES).toString('base64url');
    const value = {
      name,
      scopes: [...new Set(scopes)],
      families: [...new Set(families)],
      ...(collections && { collections: [...new Set(collections)] }),
      ...(userId !== undefined && { userId }),
      createdAt: new Date(this.#now()),
      ...(expiresAt && { expiresAt }),
    };
    const stored = apiKeyRecord.encode({ ...value, secretHash: sha256(secret).toString('hex') });
    const commands = [
      ['HSET', apiKeyRecord.key.build({ keyId }), ...stored],
      ['ZADD', apiKeysRecord.key.build({}), String(this.#now()), keyId],
    ];
    await writeInOrder(this.#database, commands, { isConfirmed: true });
    return { keyId, ...value, token: `sl_${keyId}_${secret}` };
  }

  /** The key of a token, or `undefined` for one that is unknown, revoked or expired. */
  async authenticate(token: string): Promise<ApiKey | undefined> {
    const [, keyId, secret] = TOKEN.exec(token) ?? [];
    if (keyId === undefined || secret === undefined) return undefined;
    const key = apiKeyRecord.key.build({ keyId });
    const reply = await this.#database.send<string[]>(['HGETALL', key]);
    if (reply.length === 0) return undefined;
    const { secretHash, ...value } = apiKeyRecord.decode(asObject(reply), key);
    const stored = Buffer.from(secretHash, 'hex');
    const given = sha256(secret);
    if (stored.length !== given.length || !timingSafeEqual(stored, given)) return undefined;
    const isOver = value.expiresAt !== undefined && value.expiresAt.getTime() <= this.#now();
    return value.revokedAt || isOver ? undefined : { keyId, ...value };
  }

  /** Whether any key was ever made, so that a server asks for one. */
  async exist(): Promise<boolean> {
    return (await this.#database.send<number>(['EXISTS', apiKeysRecord.key.build({})])) === 1;
  }

  /** All keys, revoked and expired ones too, the oldest first. */
  async list(): Promise<ApiKeyList> {
    const ids = await this.#database.send<string[]>(['ZRANGE', apiKeysRecord.key.build({}), '0', '-1']);
    const places = ids.map((keyId) => ({ id: keyId, keys: [apiKeyRecord.key.build({ keyId })] }));
    const { found, errors } = await readRecords(this.#database, apiKeyRecord, places);
    return {
      items: found.map(({ id: keyId, value: { secretHash: _, ...value } }) => ({ keyId, ...value })),
      unreadable: errors.map(({ error }) => unreadable(error)),
    };
  }

  /** Makes a key open nothing from now on; `false` when it was revoked already. Throws `not_found`. */
  async revoke(keyId: string): Promise<boolean> {
    const key = apiKeyRecord.key.build({ keyId });
    if ((await this.#database.send<number>(['EXISTS', key])) === 0) {
      throw new StackloreError('not_found', {
        message: `There is no API key "${keyId}". See stacklore api-keys list for the ids.`,
      });
    }
    const now = apiKeyRecord.fields.revokedAt.encode(new Date(this.#now()));
    const revoke = ['HSETNX', key, 'revoked_at', now];
    return (await this.#database.send<number>(revoke, { isConfirmed: true })) === 1;
  }
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
