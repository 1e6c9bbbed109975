import { readFileSync, readlinkSync, realpathSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { sha256OfFile } from '../provision/download.ts';
import { processStart } from '../provision/file-lock.mjs';
import type { ServerFiles } from '../provision/redis-pair.ts';
import { type ControlConnection, parseInfo } from './control-connection.mjs';
import type { IndexCounts } from './index-counts.ts';

/** A program file as it was when a server was started from it. */
export interface FileIdentity {
  readonly path: string;
  readonly bytes: number;
  readonly modifiedMs: number;
  readonly sha256: string;
}

/** What a data home remembers about its server while it runs and after it ended. */
export interface ServerRecord {
  readonly pid: number;
  /** Start time of that process: a pid alone may belong to another program by now. */
  readonly processStart: string;
  readonly server: FileIdentity;
  readonly module?: FileIdentity;
  /** Documents of each index when the server was last stopped in good order. */
  readonly indexes?: IndexCounts;
}

/** The record at `path`; nothing when there is none or it cannot be read. */
export function readServerRecord(path: string): ServerRecord | undefined {
  try {
    const record: Partial<ServerRecord> | null = JSON.parse(readFileSync(path, 'utf8'));
    const isComplete = typeof record?.pid === 'number' && typeof record.server?.sha256 === 'string';
    return isComplete ? (record as ServerRecord) : undefined; // written by writeServerRecord alone
  } catch {
    return undefined;
  }
}

/**
 * The record of a reached server; made anew from what the server tells of itself where the record was lost or is of
 * another process. Nothing when that cannot be told.
 */
export async function recordOf(
  path: string,
  server: { readonly connection: ControlConnection; readonly pid: number },
): Promise<ServerRecord | undefined> {
  const record = readServerRecord(path);
  if (record?.pid === server.pid && isRecordedProcessAlive(record)) return record;
  const info = parseInfo(await server.connection.send(['INFO', 'server']));
  const modulePath = await searchModulePath(server.connection);
  try {
    const serverPath = info.get('executable') ?? '';
    const files = await identifyFiles({
      serverPath,
      ...(modulePath === undefined ? {} : { modulePath }),
    });
    const adopted = { pid: server.pid, processStart: startOf(server.pid, serverPath), ...files };
    if (adopted.processStart !== '') writeServerRecord(path, adopted);
    return adopted;
  } catch {
    // Its files are gone or not readable: there is nothing to compare with.
    return undefined;
  }
}

/** Start time of a server's process; empty where the pid, of another namespace perhaps, belongs to another program here. */
function startOf(pid: number, executable: string): string {
  const isOther =
    process.platform === 'linux' && readlinkSync(`/proc/${pid}/exe`) !== realpathSync(executable);
  return isOther ? '' : (processStart(pid) ?? '');
}

async function searchModulePath(connection: ControlConnection): Promise<string | undefined> {
  const modules = await connection.send(['MODULE', 'LIST']);
  for (const module of Array.isArray(modules) ? modules : []) {
    const fields = Array.isArray(module) ? module : [];
    const path = fields[fields.indexOf('path') + 1];
    if (fields[fields.indexOf('name') + 1] === 'search' && typeof path === 'string' && path !== '')
      return path;
  }
  return undefined;
}

/** Replaces the record at `path` in one step. */
export function writeServerRecord(path: string, record: ServerRecord): void {
  const temporary = `${path}.${process.pid}`;
  writeFileSync(temporary, `${JSON.stringify(record, undefined, 2)}\n`, { mode: 0o600 });
  renameSync(temporary, path);
}

/** Whether the recorded process still runs, and is that very process. */
export function isRecordedProcessAlive(record: ServerRecord): boolean {
  return record.processStart !== '' && processStart(record.pid) === record.processStart;
}

/** Size, time and hash of the files a server is started from. */
export async function identifyFiles({
  serverPath,
  modulePath,
}: Pick<ServerFiles, 'serverPath' | 'modulePath'>): Promise<Pick<ServerRecord, 'server' | 'module'>> {
  const server = await identifyFile(serverPath);
  return modulePath === undefined ? { server } : { server, module: await identifyFile(modulePath) };
}

/** Whether a server started from `files` now would be another program than the recorded one. */
export async function areFilesChanged(record: ServerRecord, files: ServerFiles): Promise<boolean> {
  if ((record.module === undefined) !== (files.modulePath === undefined)) return true;
  if (await isFileChanged(record.server, files.serverPath)) return true;
  return record.module !== undefined && (await isFileChanged(record.module, files.modulePath ?? ''));
}

/** Whether a recorded server was started from these very files, as far as path, size and time tell. */
export function isStartedFrom(
  record: ServerRecord,
  files: Required<Pick<ServerFiles, 'serverPath' | 'modulePath'>>,
): boolean {
  return (
    record.module !== undefined &&
    looksSame(record.server, files.serverPath) &&
    looksSame(record.module, files.modulePath)
  );
}

/** Hashing takes tens of milliseconds, so only a file whose path, size or time differs is looked into. */
async function isFileChanged(recorded: FileIdentity, path: string): Promise<boolean> {
  return !looksSame(recorded, path) && (await sha256OfFile(path)) !== recorded.sha256;
}

function looksSame(recorded: FileIdentity, path: string): boolean {
  const stats = statSync(path, { throwIfNoEntry: false });
  return path === recorded.path && stats?.size === recorded.bytes && stats.mtimeMs === recorded.modifiedMs;
}

async function identifyFile(path: string): Promise<FileIdentity> {
  const stats = statSync(path);
  return { path, bytes: stats.size, modifiedMs: stats.mtimeMs, sha256: await sha256OfFile(path) };
}
