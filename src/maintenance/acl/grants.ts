import { z } from 'zod';
import { ROLES, type Role } from '../../redis/rights.ts';
import type { DatabaseName } from '../../schema/record.ts';
import { allDatabaseNames } from '../keyspace.ts';

const role = z.enum(ROLES);
const error =
  'must be reader, writer or maintenance, or one of these for some of main, knowledge, prompts and analytics';

/** A role in all four named databases, or one in each of those named. */
export const grants = z.union(
  [
    role,
    z
      .strictObject({ main: role, knowledge: role, prompts: role, analytics: role }, { error })
      .partial()
      .refine((given) => Object.values(given).some((one) => one !== undefined)),
  ],
  { error },
);

/** The role in each database that has one, in the order in which databases are reported. */
export function grantsOf(given: z.output<typeof grants>): [DatabaseName, Role][] {
  return allDatabaseNames().flatMap((name) => {
    const one = typeof given === 'string' ? given : given[name];
    return one === undefined ? [] : [[name, one] satisfies [DatabaseName, Role]];
  });
}
