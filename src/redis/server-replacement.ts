import { join, resolve } from 'node:path';
import { type Config, provisionDir } from '../config.ts';
import { SERVER_PAIR } from '../provision/pinned.ts';
import type { ServerFiles } from '../provision/redis-pair.ts';
import { serversOnPath } from '../provision/server-on-path.ts';
import { type ControlConnection, parseClients, parseInfo } from './control-connection.mjs';
import type { DataHome } from './data-home.ts';
import { prepareGoodStop } from './good-stop.ts';
import { findIdleStop, WATCHER_NAME } from './idle-stop.ts';
import { countIndexedDocuments, describeCountChanges, type IndexCounts } from './index-counts.ts';
import { isStartedFrom, readServerRecord } from './server-record.ts';
import {
  CONTROL_NAME,
  type SharedServer,
  type StartedServer,
  shutDownServer,
  startSharedServer,
} from './shared-server.ts';

/** What is known of the server that ran before a replaced one. */
export interface Replaced {
  /** Documents of each index before; absent when the earlier server did not stop in good order. */
  readonly before: IndexCounts | undefined;
  /** Versions of the earlier server; absent when it was not running. */
  readonly versions?: string;
  readonly idleStopSeconds: number;
}

/** Stops a server, which writes a snapshot, and starts the one from `files` on its data. The caller holds the lock. */
export async function replaceServer(
  paths: DataHome,
  { server, files, onNotice }: { server: SharedServer; files: ServerFiles; onNotice: (text: string) => void },
): Promise<StartedServer & { replaced: Replaced }> {
  const replaced = {
    before: await prepareGoodStop(server.connection),
    versions: await describeVersions(server.connection),
    idleStopSeconds: await findIdleStop(server.connection),
  };
  await shutDownServer(paths, server);
  return { ...(await startSharedServer(paths, files, onNotice)), replaced };
}

/**
 * Whether the running server is the pinned pair, unchanged since its start, and nothing else would be chosen now. Tells
 * in a millisecond what finding the server, which hashes the pair, tells in fifty.
 */
export function isPinnedPair(config: Config, paths: DataHome, { pid }: SharedServer): boolean {
  const { server, module, folder } = SERVER_PAIR;
  const dir = join(resolve(provisionDir(config)), folder);
  const record = readServerRecord(paths.recordPath);
  return (
    config.embedded.serverPath === undefined &&
    serversOnPath(process.env.PATH ?? '').length === 0 &&
    record?.pid === pid &&
    isStartedFrom(record, {
      serverPath: join(dir, server.file.name),
      modulePath: join(dir, module.file.name),
    })
  );
}

/** Whether somebody works with the server: any connection but those that only look after it. */
export async function hasUsers(connection: ControlConnection): Promise<boolean> {
  const clients = parseClients(await connection.send(['CLIENT', 'LIST']));
  return clients.some((client) => {
    const name = client.get('name') ?? '';
    return name !== CONTROL_NAME && !WATCHER_NAME.test(name);
  });
}

/** Says that another server runs now, and whether every index holds what it held before. */
export async function reportReplaced(
  replaced: Replaced,
  { connection, dir }: { connection: ControlConnection; dir: string },
  onNotice: (text: string) => void,
): Promise<void> {
  // Beside those of before there may be one that a start has begun.
  const after = await countIndexedDocuments(connection, undefined, replaced.before);
  const versions = await describeVersions(connection);
  const before = replaced.versions === undefined ? 'Another search server' : `${replaced.versions} before,`;
  onNotice(
    `The search server was replaced: ${before} ${versions} now. ${compare(replaced.before, after, dir)}`,
  );
}

function compare(before: IndexCounts | undefined, after: IndexCounts, dir: string): string {
  if (!before)
    return 'The earlier one was not stopped in good order, so the documents of its indexes cannot be compared.';
  const changes = describeCountChanges(before, after);
  if (changes.length > 0) {
    return `${changes.join(' ')} The data as they were are in ${dir}/dump.rdb until the server stops: keep a copy.`;
  }
  const indexes = Object.keys(after).length;
  return indexes === 0
    ? 'There were no indexes.'
    : `Indexes compared: ${indexes}, each with as many documents as before.`;
}

/** Server and search module with their versions, e.g. `redis 8.2.3 with search 2.10.5`. */
export async function describeVersions(connection: ControlConnection): Promise<string> {
  const { server, module } = await findVersions(connection);
  return module === undefined ? `redis ${server}` : `redis ${server} with search ${module}`;
}

/** Versions of a server and of its search module, if it has one. */
export async function findVersions(
  connection: ControlConnection,
): Promise<{ readonly server: string; readonly module?: string }> {
  const server = parseInfo(await connection.send(['INFO', 'server'])).get('redis_version') ?? 'unknown';
  const modules = await connection.send(['MODULE', 'LIST']);
  for (const module of Array.isArray(modules) ? modules : []) {
    const fields = Array.isArray(module) ? module : [];
    if (fields[fields.indexOf('name') + 1] !== 'search') continue;
    const number = Number(fields[fields.indexOf('ver') + 1]);
    return {
      server,
      module: [Math.floor(number / 10_000), Math.floor(number / 100) % 100, number % 100].join('.'),
    };
  }
  return { server };
}
