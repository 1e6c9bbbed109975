import { createHash } from 'node:crypto';
import { z } from 'zod';
import { readPasswordFile } from '../../redis/password-file.ts';
import { type Grants, type Rights, rightsOf } from '../../redis/rights.ts';
import { parseMaintenanceRequest } from '../../schema/maintenance-request.ts';
import { grants, grantsOf } from './grants.ts';

const patterns = z
  .array(z.string().regex(/^[^\s~]{1,512}$/, 'must be globs of keys without spaces, e.g. doc:articles:*'))
  .default([]);

const userRequest = z.strictObject({
  /** Name of the user at the server. */
  user: z
    .string()
    .regex(/^[\w.@:-]{1,128}$/, 'must be 1 to 128 letters, digits and any of _ . @ : -')
    .refine(
      (name) => name !== 'default',
      'must not be "default", whose rights are those of all who give no name',
    ),
  /** What the user is for, in all four databases or in each of those named. */
  grants: grants.default('writer'),
  /** A file that holds its password, of which only the hash is told; without it the user has none and cannot log in. */
  passwordFile: z.string().min(1).optional(),
  /** Globs of further keys to read, such as what a migration takes over from another tool. */
  readKeys: patterns,
  /** Globs of further keys to read and write, such as what an export writes for another tool. */
  writeKeys: patterns,
});
export type UserRequest = z.input<typeof userRequest>;

/** One user of Redis with the least rights that its roles need. */
export interface UserRules extends Rights {
  readonly user: string;
  readonly grants: Grants;
  /** One command that creates the user, or leaves it these rights and no others. */
  readonly command: string;
  /** The same as a line of an ACL file (`aclfile` of the server's configuration). */
  readonly line: string;
}

/** The rules of a user, made without asking any server. Throws `invalid_input`, or `invalid_config` for the file. */
export function userRules(request: UserRequest): UserRules {
  const { user, passwordFile, readKeys, writeKeys, ...given } = parseMaintenanceRequest(userRequest, request);
  const granted: Grants = Object.fromEntries(grantsOf(given.grants));
  const { commands, readable, writable } = rightsOf(granted);
  const rights = {
    ...{ commands, readable: [...readable, ...readKeys], writable: [...writable, ...writeKeys] },
  };
  const rules = [
    'on',
    ...(passwordFile === undefined ? [] : [hashOf(passwordFile)]),
    // No message is published or waited for.
    ...['resetchannels', '-@all'],
    ...rights.commands.map((command) => `+${command}`),
    ...rights.readable.map((pattern) => `%R~${pattern}`),
    ...rights.writable.map((pattern) => `~${pattern}`),
  ].join(' ');
  return {
    ...{ user, grants: granted, ...rights },
    command: `ACL SETUSER ${user} reset ${rules}`,
    line: `user ${user} ${rules}`,
  };
}

/** A password as ACL rules take it hashed, so that it stands nowhere. */
function hashOf(path: string): string {
  const password = readPasswordFile({ path, setting: 'passwordFile' });
  return `#${createHash('sha256').update(password).digest('hex')}`;
}
