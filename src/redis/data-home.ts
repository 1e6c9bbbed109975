import { chmodSync, existsSync, lstatSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorMessage, StackloreError } from '../errors.ts';
import { makeFolder } from '../provision/make-folder.mjs';
import { fitsSocket, shortFolderPrefix } from './socket-path.ts';

/** Where the embedded server of a data home keeps what. */
export interface DataHome {
  readonly home: string;
  /** Folder of the server's data, log and record. */
  readonly dir: string;
  readonly logPath: string;
  readonly recordPath: string;
  readonly lockPath: string;
}

/** The paths of a data home; touches nothing. */
export function dataHome(home: string): DataHome {
  const dir = join(home, 'redis');
  return {
    home,
    dir,
    logPath: join(dir, 'redis.log'),
    recordPath: join(dir, 'server.json'),
    lockPath: join(dir, 'server.lock'),
  };
}

/** Makes the folders of a data home, for this user only. Throws `server_failed` when they cannot be had. */
export function prepareDataHome({ home, dir }: DataHome): void {
  try {
    makeFolder(dir, 0o700);
    if ((lstatSync(dir).mode & 0o077) !== 0) chmodSync(dir, 0o700);
  } catch (cause) {
    throw new StackloreError('server_failed', {
      message: `The data home ${home} cannot be used (${errorMessage(cause)}). Correct its owner, permissions or disk, or choose another with STACKLORE_HOME.`,
      cause,
    });
  }
}

/** The socket path of a data home's server; nothing when that needs a short folder that does not exist (yet). */
export function findSocketPath({ home, dir }: DataHome): string | undefined {
  const direct = join(home, 'redis.sock');
  if (fitsSocket(direct)) return direct;
  const folder = recordedSocketFolder(dir);
  return folder === undefined ? undefined : join(folder, 'redis.sock');
}

/** The socket path of a data home's server, in a short private folder recorded in the home where the usual one is too long. */
export function makeSocketPath(paths: DataHome): string {
  const found = findSocketPath(paths);
  if (found !== undefined) return found;
  const folder = mkdtempSync(shortFolderPrefix());
  writeFileSync(socketFolderRecord(paths.dir), `${folder}\n`, { mode: 0o600 });
  return join(folder, 'redis.sock');
}

function recordedSocketFolder(dir: string): string | undefined {
  const record = socketFolderRecord(dir);
  if (!existsSync(record)) return undefined;
  const folder = readFileSync(record, 'utf8').trim();
  return folder !== '' && isPrivateFolder(folder) ? folder : undefined;
}

/** Temporary folders are cleaned by the system and writable by all: one somebody else made again is not ours. */
function isPrivateFolder(folder: string): boolean {
  const stats = lstatSync(folder, { throwIfNoEntry: false });
  const user = process.getuid?.();
  // The superuser looks after the servers of other users too.
  const isOurs = user === undefined || user === 0 || stats?.uid === user;
  return stats?.isDirectory() === true && isOurs && (stats.mode & 0o077) === 0;
}

function socketFolderRecord(dir: string): string {
  return join(dir, 'socket-dir');
}
