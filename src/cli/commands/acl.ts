import { z } from 'zod';
import { StackloreError } from '../../errors.ts';
import type { Stacklore } from '../../stacklore.ts';
import { defineCommand } from '../command.ts';
import { table } from '../format.ts';

type Grants = NonNullable<Parameters<Stacklore['maintenance']['userRules']>[0]['grants']>;

const GRANTS = 'a role for all databases, or roles by database: reader, knowledge=writer';

const rules = defineCommand({
  summary: `Print the Redis user with the least rights for ${GRANTS}.`,
  arguments: '[grants...]',
  flags: [
    { flags: '--user <name>', description: 'name of the user (default: "stacklore")' },
    {
      flags: '--password-file <file>',
      description: 'a file with its password, of which the hash is printed',
    },
    { flags: '--read-keys <glob>', description: 'further keys to read, of other tools', isList: true },
    { flags: '--write-keys <glob>', description: 'further keys to read and write', isList: true },
    { flags: '--acl-file', description: 'as a line of an ACL file instead of a command' },
  ],
  schema: z.strictObject({
    user: z.string().default('stacklore'),
    passwordFile: z.string().optional(),
    readKeys: z.array(z.string()).default([]),
    writeKeys: z.array(z.string()).default([]),
    aclFile: z.boolean().default(false),
  }),
  examples: [
    'stacklore acl rules writer --user app --password-file secrets/app | redis-cli',
    'stacklore acl rules reader main=writer analytics=writer --user search --acl-file >> users.acl',
  ],
  async run({ lore, terminal }, args, { passwordFile, aclFile, ...request }) {
    const made = lore().maintenance.userRules({
      ...{ ...request, grants: readGrants(args) },
      ...(passwordFile !== undefined && { passwordFile }),
    });
    if (passwordFile === undefined)
      terminal.note(
        `The user ${made.user} has no password and cannot log in. Give one with --password-file.`,
      );
    return { data: made, lines: [aclFile ? made.line : made.command] };
  },
});

const check = defineCommand({
  summary: `Say what rights the configured users lack for ${GRANTS}.`,
  arguments: '[grants...]',
  flags: [],
  schema: z.strictObject({}),
  examples: ['stacklore acl check', 'stacklore acl check knowledge=reader main=writer'],
  async run({ lore }, args) {
    const checks = await lore().maintenance.checkRights({ grants: readGrants(args) });
    const isLacking = checks.some(({ missing }) => missing.length > 0);
    const rows = checks.map(({ database, user, role, missing }) => [
      ...[database, user, role],
      missing.length === 0 ? 'nothing' : `${missing.length} rights`,
    ]);
    const grant = checks
      .filter(({ missing }) => missing.length > 0)
      .map(({ database, user, missing }) => `${database}: ACL SETUSER ${user} ${missing.join(' ')}`);
    return {
      data: checks,
      lines: [...table(['database', 'user', 'as', 'lacks'], rows), ...grant],
      exitCode: isLacking ? 1 : 0,
    };
  },
});

export const commands = { rules, check };

/** `reader main=writer`: a reader everywhere but in main. Which roles and databases there are, the library checks. */
function readGrants(words: readonly string[]): Grants {
  const grants = new Map<string, string>();
  for (const word of words.length === 0 ? ['writer'] : words) {
    const [first = '', role, ...rest] = word.split('=');
    if (rest.length > 0) {
      throw new StackloreError('invalid_input', {
        message: `"${word}" is not ${GRANTS}.`,
      });
    }
    for (const database of role === undefined ? DATABASES : [first]) grants.set(database, role ?? first);
  }
  return Object.fromEntries(grants) as Grants;
}

const DATABASES = ['main', 'knowledge', 'prompts', 'analytics'];
