import { statSync } from 'node:fs';
import type { Config } from '../../config.ts';
import { locationOf } from '../../redis/databases.ts';
import { displayLocation, type RedisLocation, type ServerAddress } from '../../redis/redis-url.ts';
import { ROLES, type Role } from '../../redis/rights.ts';
import type { DatabaseName } from '../../schema/record.ts';
import { findUser } from '../acl/check-rights.ts';
import { findMissingRules } from '../acl/missing-rules.ts';
import { transportOf } from '../connections.ts';
import type { Check, Problem } from './check.ts';

const PURPOSES: Readonly<Record<Role, string>> = {
  reader: 'Searches and lists fail.',
  writer: 'Nothing can be ingested, stored or counted there; a user that only reads needs no more.',
  maintenance:
    'Backups, reindexes, cleanups and some checks of this doctor fail; a program that serves needs no more.',
};

/** Whether the users of the databases may do what is asked of them, by the lowest role that they lack rights for. */
export const rightsCheck: Check = {
  name: 'rights',
  needs: 'nothing',
  async find({ databases, reachable }) {
    const found = await Promise.all(
      reachable.map(async (name) => {
        const database = databases[name];
        const user = await findUser(database);
        // The last role includes the others, and most users may do all.
        if ((await findMissingRules(database, 'maintenance')).length === 0) return [];
        for (const role of ROLES) {
          const missing = await findMissingRules(database, role);
          if (missing.length > 0) return [lacking(name, role, { user, missing })];
        }
        return [];
      }),
    );
    return found.flat();
  },
};

function lacking(
  name: DatabaseName,
  role: Role,
  { user, missing }: { readonly user: string; readonly missing: readonly string[] },
): Problem {
  return {
    severity: role === 'reader' ? 'error' : 'warning',
    what: `The user ${user} of the ${name} database lacks rights of a ${role === 'maintenance' ? 'user for maintenance' : role}: ${missing.join(' ')}.`,
    why: PURPOSES[role],
    fix: `ACL SETUSER ${user} ${missing.join(' ')}, or give another user to what needs them.`,
  };
}

/** Whether others can read along, pretend to be the server, or read a password. */
export const transportCheck: Check = {
  name: 'connections',
  needs: 'nothing',
  async find({ config, reachable }) {
    const problems: Problem[] = [];
    for (const [names, location] of locationsOf(config, reachable)) {
      const of = `${names.join(', ')} (${displayLocation(location, 0)})`;
      const isOpen = transportOf(location) === 'tcp' && !isOnThisMachine(location);
      if (isOpen) {
        problems.push({
          severity: 'warning',
          what: `The connection to the server of ${of} is not encrypted.`,
          why: 'Who can listen on the network reads passwords and all that is stored.',
          fix: 'Let the server speak TLS and use rediss:// in its URL, or keep the network to yourself.',
        });
      }
      if (isOpen && !hasPassword(location)) {
        problems.push({
          severity: 'error',
          what: `The server of ${of} lets anyone in who reaches it: its default user has no password.`,
          why: 'Whoever reaches it can read, change and delete everything.',
          fix: 'Make users with passwords (stacklore acl rules prints them), then: ACL SETUSER default off.',
        });
      }
      if (transportOf(location) === 'tls' && !config.tls.rejectUnauthorized) {
        problems.push({
          severity: 'warning',
          what: `Any certificate of the server of ${of} is accepted: tls.rejectUnauthorized is false.`,
          why: 'Another server can pretend to be it, and gets the password.',
          fix: "Name the authority that signed the server's certificate with tls.caFile, and remove tls.rejectUnauthorized.",
        });
      }
    }
    return [...problems, ...passwordFileProblems(config, reachable)];
  },
};

/** Locations with the databases there; the embedded server is for this user alone. */
function locationsOf(config: Config, names: readonly DatabaseName[]): [DatabaseName[], RedisLocation][] {
  const found = new Map<string, [DatabaseName[], RedisLocation]>();
  for (const name of names) {
    const location = locationOf(config, name);
    if (location === undefined) continue;
    const place = displayLocation(location, 0);
    const [others, first] = found.get(place) ?? [[], location];
    // Of several users of a server, one without a password tells the most.
    found.set(place, [[...others, name], hasPassword(first) ? location : first]);
  }
  return [...found.values()];
}

function hasPassword({ password, passwordFile }: RedisLocation): boolean {
  return password !== undefined || passwordFile !== undefined;
}

function isOnThisMachine(location: RedisLocation): boolean {
  return addressesOf(location).every(({ host }) => /^(localhost|127\.[\d.]+|::1)$/i.test(host));
}

function addressesOf(location: RedisLocation): readonly ServerAddress[] {
  switch (location.kind) {
    case 'server':
    case 'sharded':
      return [location.address];
    case 'sentinel':
      return location.sentinels;
    case 'cluster':
      return location.nodes;
    case 'socket':
      return [];
  }
}

function passwordFileProblems(config: Config, names: readonly DatabaseName[]): Problem[] {
  const paths = new Set(names.flatMap((name) => locationOf(config, name)?.passwordFile?.path ?? []));
  return [...paths].filter(isReadableByAll).map((path) => ({
    severity: 'warning' as const,
    what: `Every user of this machine may read the password in ${path}.`,
    why: 'Whoever reads it can do all that this program may do.',
    fix: `chmod 600 ${path}; in a container without other users this is no danger.`,
  }));
}

function isReadableByAll(path: string): boolean {
  return ((statSync(path, { throwIfNoEntry: false })?.mode ?? 0) & 0o004) !== 0;
}
