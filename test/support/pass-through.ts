import type { Database } from '../../src/redis/databases.ts';

/** A database that does what another one does, save for what is given in its place. */
export function passThrough(database: Database, changes: Partial<Database> = {}): Database {
  const through: Database = {
    name: database.name,
    isCluster: database.isCluster,
    send: (command, options) => database.send(command, options),
    pipeline: (commands, options) => database.pipeline(commands, options),
    transaction: (commands, options) => database.transaction(commands, options),
    shards: async () => (database.isCluster ? database.shards() : [through]),
    duplicate: (options) => database.duplicate(options),
    close: () => database.close(),
    ...changes,
  };
  return through;
}
