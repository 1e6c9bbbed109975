import { z } from 'zod';
import { errorMessage, StackloreError } from '../../errors.ts';
import type { Database, Databases } from '../../redis/databases.ts';
import { deniedUser } from '../../redis/denied.ts';
import type { Role } from '../../redis/rights.ts';
import { parseMaintenanceRequest } from '../../schema/maintenance-request.ts';
import type { DatabaseName } from '../../schema/record.ts';
import { grants, grantsOf } from './grants.ts';
import { findMissingRules } from './missing-rules.ts';

const rightsRequest = z.strictObject({
  /** What the configured users are for, in all four databases or in each of those named. */
  grants: grants.default('writer'),
});
export type RightsRequest = z.input<typeof rightsRequest>;

/** Whether the user of one named database may do all that a role needs. */
export interface RightsCheck {
  readonly database: DatabaseName;
  readonly user: string;
  readonly role: Role;
  /** The rules it lacks, as ACL SETUSER takes them; empty when it may do all. */
  readonly missing: readonly string[];
}

/** Asks the servers what the configured users may do. Throws `invalid_input`, or when a database gives no answer. */
export async function checkRights(databases: Databases, request: RightsRequest = {}): Promise<RightsCheck[]> {
  const granted = grantsOf(parseMaintenanceRequest(rightsRequest, request).grants);
  return Promise.all(
    granted.map(async ([database, role]) => {
      const connection = databases[database];
      const [user, missing] = await Promise.all([findUser(connection), findMissingRules(connection, role)]);
      return { database, user, role, missing };
    }),
  );
}

/** The name of the user of a database, which a refusal to tell it tells as well. */
export async function findUser(database: Database): Promise<string> {
  try {
    return await database.send<string>(['ACL', 'WHOAMI']);
  } catch (error) {
    if (!(error instanceof StackloreError) || error.code !== 'database_auth') throw error;
    return deniedUser(errorMessage(error.cause));
  }
}
