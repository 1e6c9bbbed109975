import { join } from 'node:path';
import { type ConfigInput, loadConfig } from '../config.ts';
import { StackloreError } from '../errors.ts';
import { makeFolder } from '../provision/make-folder.mjs';
import { findServer, type ServerFiles } from '../provision/redis-pair.ts';
import { silentReport } from '../provision/report.ts';
import { openGuard } from './guarded-server.ts';
import { freePort } from './loopback-port.ts';
import { logSize, logTail, remedyFor, serverArguments } from './server-process.ts';
import { orDeath, reachStartedServer, refusePartialAnswers, waitUntilLoaded } from './server-ready.ts';
import { shortFolderPrefix } from './socket-path.ts';

/** A server of one's own: for tests, the demo and the bench. */
export interface PrivateRedis {
  readonly socketPath: string;
  /** Folder of its data. */
  readonly dir: string;
  readonly logPath: string;
  /** Process id of the server now, or of the last one while it is down. */
  readonly pid: number;
  /** Its loopback port; 0 when it has none. */
  readonly port: number;
  /** `unix:` URL of its socket. */
  readonly url: string;
  readonly files: ServerFiles;
  /** Settings that send all databases to this server, with a data home of its own that goes with it. */
  config(overrides?: ConfigInput): ConfigInput;
  /** Ends the server and removes its folder; without effect the second time. */
  stop(): Promise<void>;
  /** Ends the server as a crash would (SIGKILL); its data stay for `restart`. */
  kill(): Promise<void>;
  /** Starts the server again on its data, after saving and ending it if it still runs. */
  restart(): Promise<void>;
}

/** What `startPrivateRedis` takes; everything has a default. */
export interface PrivateRedisOptions {
  /** The server to start; by default the one `findServer` finds. */
  readonly files?: ServerFiles;
  /** An existing folder for the data, which then stays; by default a temporary one that `stop` removes. */
  readonly dir?: string;
  /** Further arguments of redis-server; they win over the usual ones. */
  readonly args?: readonly string[];
  /** Also listen on this loopback port; `'free'` finds one. */
  readonly port?: number | 'free';
}

/**
 * Starts a server of one's own on a short unix socket in a temporary folder. It ends with `stop`, and also when this
 * program ends without having called it, however it ends. Throws `server_failed` with the server's last words.
 */
export async function startPrivateRedis(options: PrivateRedisOptions = {}): Promise<PrivateRedis> {
  const files = options.files ?? (await findFiles());
  const port = options.port === 'free' ? await freePort() : (options.port ?? 0);
  const guard = await openGuard(shortFolderPrefix());
  const dir = options.dir ?? join(guard.folder, 'data');
  const socketPath = join(guard.folder, 'redis.sock');
  const logPath = join(guard.folder, 'redis.log');
  const args = [...serverArguments({ files, dir, socketPath, port }), ...(options.args ?? [])];

  const start = async (): Promise<void> => {
    const from = logSize(logPath);
    const { died } = await guard.start({ command: files.serverPath, args, log: logPath }, (reason) =>
      startFailure(files, reason, logTail(logPath, from)),
    );
    const connection = await reachStartedServer(socketPath, died);
    try {
      await orDeath(
        waitUntilLoaded(connection, () => undefined),
        died,
      );
      await refusePartialAnswers(connection);
    } finally {
      connection.close();
    }
  };
  try {
    makeFolder(dir, 0o700);
    await start();
  } catch (error) {
    await guard.close();
    throw error;
  }

  return {
    socketPath,
    dir,
    logPath,
    port,
    files,
    url: `unix:${socketPath}`,
    get pid() {
      return guard.pid;
    },
    config: (overrides = {}) => ({
      home: join(guard.folder, 'home'),
      redisUrl: `unix:${socketPath}`,
      ...overrides,
    }),
    stop: async () => {
      // Only a folder that stays has a use for a snapshot.
      if (options.dir !== undefined) await guard.end('SIGTERM');
      await guard.close();
    },
    kill: () => guard.end('SIGKILL'),
    restart: async () => {
      await guard.end('SIGTERM');
      await start();
    },
  };
}

async function findFiles(): Promise<ServerFiles> {
  const files = await findServer(loadConfig(), silentReport);
  if (files) return files;
  throw new StackloreError('server_unavailable', {
    message:
      'No server with a search module is here yet. Run "stacklore up" once, which fetches one, or name one with STACKLORE_SERVER.',
  });
}

function startFailure(files: ServerFiles, reason: string, log: string): StackloreError {
  const words = log === '' ? '' : ` Its last words:\n${log}`;
  return new StackloreError('server_failed', {
    message: `The server ${files.serverPath} ended at its start (${reason}). ${remedyFor(`${reason}\n${log}`)}${words}`,
  });
}
