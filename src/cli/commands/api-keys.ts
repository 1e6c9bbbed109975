import { z } from 'zod';
import { ACCESS_FAMILIES, SCOPES } from '../../schema/main.ts';
import type { ApiKey } from '../../stores/main/api-keys.ts';
import { type Command, defineCommand } from '../command.ts';
import { dateFlag } from '../flag-values.ts';
import { given } from '../given.ts';
import { unreadableLines } from '../unreadable-lines.ts';

const create = defineCommand({
  summary: 'Make an API key; its token is shown this once.',
  arguments: '<name>',
  flags: [
    { flags: '--scope <scope>', description: `${SCOPES.join(', ')} (read); repeat for more`, isList: true },
    {
      flags: '--family <family>',
      description: `${ACCESS_FAMILIES.join(', ')} or all (documents); repeat for more`,
      isList: true,
    },
    {
      flags: '--collection <name>',
      description: 'a collection it reaches (all); repeat for more',
      isList: true,
    },
    { flags: '--user <id>', description: 'the one user whose records it opens (all)' },
    { flags: '--expires <when>', description: 'a day or moment from which on it opens nothing' },
  ],
  schema: z.strictObject({
    scope: z.array(z.enum(SCOPES)).optional(),
    family: z.array(z.enum([...ACCESS_FAMILIES, 'all'])).optional(),
    collection: z.array(z.string()).optional(),
    user: z.string().optional(),
    expires: dateFlag()
      .transform((text) => new Date(text))
      .optional(),
  }),
  examples: [
    'stacklore api-keys create website --collection docs',
    'stacklore api-keys create editor --scope read --scope write --family all',
  ],
  async run({ lore }, [name = ''], { scope, family, collection, user, expires }) {
    const families = family?.includes('all') ? [...ACCESS_FAMILIES] : family?.filter((one) => one !== 'all');
    const key = await lore().apiKeys.create({
      name,
      ...given({ scopes: scope, families, collections: collection, userId: user, expiresAt: expires }),
    });
    return { data: key, lines: [keyLine(key), '', key.token, '', 'Keep it: it is shown this once.'] };
  },
});

const list = defineCommand({
  summary: 'List API keys, revoked and expired ones too.',
  flags: [],
  schema: z.strictObject({}),
  async run({ lore }) {
    const keys = await lore().apiKeys.list();
    const lines = keys.items.length === 0 ? ['There are no API keys.'] : keys.items.map(keyLine);
    return {
      data: keys,
      lines: [...lines, ...unreadableLines(keys.unreadable)],
    };
  },
});

const revoke = defineCommand({
  summary: 'Make an API key open nothing from now on.',
  arguments: '<keyId>',
  flags: [],
  schema: z.strictObject({}),
  async run({ lore }, [keyId = '']) {
    const revoked = await lore().apiKeys.revoke(keyId);
    return {
      data: { keyId, revoked },
      lines: [revoked ? `Revoked ${keyId}.` : `${keyId} was revoked before.`],
    };
  },
});

function keyLine({
  keyId,
  name,
  scopes,
  families,
  collections,
  userId,
  expiresAt,
  revokedAt,
}: ApiKey): string {
  const parts = [
    keyId,
    name,
    scopes.join(','),
    families.join(','),
    collections ? `collections ${collections.join(',')}` : 'all collections',
    ...(userId === undefined ? [] : [`user ${userId}`]),
    ...(expiresAt ? [`expires ${expiresAt.toISOString()}`] : []),
    ...(revokedAt ? [`revoked ${revokedAt.toISOString()}`] : []),
  ];
  return parts.join('  ');
}

export const commands: Record<string, Command> = { create, list, revoke };
