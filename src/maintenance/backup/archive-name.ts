import type { DatabaseName } from '../../schema/record.ts';

const NAME = /^stacklore-(main|knowledge|prompts|analytics)-\d{8}T\d{6}\.\d{3}Z\.backup$/;

/** The file name of an archive: its database and when it was begun. */
export function archiveName(database: DatabaseName, createdAt: Date): string {
  return `stacklore-${database}-${createdAt.toISOString().replace(/[-:]/g, '')}.backup`;
}

/** True for a name that `archiveName` gives. */
export function isArchiveName(name: string): boolean {
  return NAME.test(name);
}
