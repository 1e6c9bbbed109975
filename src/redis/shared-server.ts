import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { errorMessage, StackloreError } from '../errors.ts';
import { processStart } from '../provision/file-lock.mjs';
import type { ServerFiles } from '../provision/redis-pair.ts';
import { type ControlConnection, parseInfo } from './control-connection.mjs';
import { type DataHome, findSocketPath, makeSocketPath } from './data-home.ts';
import { logSize, logTail, remedyFor, serverArguments } from './server-process.ts';
import { askPatiently, orDeath, reachServer, reachStartedServer } from './server-ready.ts';
import { identifyFiles, writeServerRecord } from './server-record.ts';

/** The server of a data home, reached; perhaps still loading its data. */
export interface SharedServer {
  readonly connection: ControlConnection;
  readonly socketPath: string;
  readonly pid: number;
}

/** A server that was started just now. */
export interface StartedServer extends SharedServer {
  /** Rejects when it ends: with `server_failed` and its last words, unless somebody stopped it. Never resolves. */
  readonly died: Promise<never>;
}

/** Control connections are no users of a server: this name tells them from those that are. */
export const CONTROL_NAME = 'stacklore-control';

/** The server of a data home when one listens on its socket. Rejects when it ends at this very moment, or stays silent. */
export async function reachSharedServer(
  paths: DataHome,
  onNotice: (text: string) => void,
  silenceLimitMs?: number,
): Promise<SharedServer | undefined> {
  const socketPath = findSocketPath(paths);
  const connection = socketPath === undefined ? undefined : await reachServer(socketPath);
  if (socketPath === undefined || !connection) return undefined;
  const pid = await closingOnError(connection, introduce(connection, onNotice, silenceLimitMs));
  return { connection, socketPath, pid };
}

/** Waits for work over a connection, which is closed when that fails: an open one would keep the program from ending. */
export async function closingOnError<T>(connection: ControlConnection, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    connection.close();
    throw error;
  }
}

async function introduce(
  connection: ControlConnection,
  onNotice: (text: string) => void,
  silenceLimitMs?: number,
): Promise<number> {
  const [, info] = await Promise.all([
    connection.send(['CLIENT', 'SETNAME', CONTROL_NAME]),
    askPatiently(connection, ['INFO', 'server'], onNotice, silenceLimitMs),
  ]);
  return Number(parseInfo(info).get('process_id'));
}

/** A larger log is set aside at the next start. */
const MAX_LOG_BYTES = 10 * 1024 * 1024;

/**
 * Starts the server of a data home as a process of its own, which outlives this program and its terminal, and records
 * it. The caller holds the home's lock and has seen that no server runs.
 */
export async function startSharedServer(
  paths: DataHome,
  files: ServerFiles,
  onNotice: (text: string) => void,
): Promise<StartedServer> {
  const identity = await identifyFiles(files);
  const socketPath = makeSocketPath(paths);
  rotateLog(paths.logPath);
  const logStart = logSize(paths.logPath);
  const log = openSync(paths.logPath, 'a', 0o600);
  const server = spawn(files.serverPath, serverArguments({ files, dir: paths.dir, socketPath }), {
    detached: true,
    cwd: paths.dir,
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  const died = new Promise<never>((_resolve, reject) => {
    const fail = (reason: string): void => reject(startFailure(paths, files, reason, logStart));
    server.once('error', (error) => fail(error.message));
    server.once('exit', (code, signal) => {
      // Another command stopped it in good order: no failure, it may be started again.
      if (code === 0) reject(new Error('it was stopped, exit code 0'));
      else fail(signal ? `signal ${signal}` : `exit code ${code}`);
    });
  });
  // Whoever stopped waiting for it has what it wanted.
  died.catch(() => undefined);
  server.unref();
  if (server.pid === undefined) return died;
  const record = (pid: number): void =>
    writeServerRecord(paths.recordPath, { pid, processStart: processStart(pid) ?? '', ...identity });
  record(server.pid);
  const connection = await reachStartedServer(socketPath, died);
  const pid = await closingOnError(connection, orDeath(introduce(connection, onNotice), died));
  // A wrapper script may have started the server as its child.
  if (pid !== server.pid) record(pid);
  return { connection, socketPath, pid, died };
}

/**
 * Saves and ends the server behind a connection, and waits until its process is gone. Throws `server_failed`, with the
 * server still running, when it cannot save.
 */
export async function shutDownServer(paths: DataHome, { connection, pid }: SharedServer): Promise<void> {
  const logStart = logSize(paths.logPath);
  const start = processStart(pid);
  try {
    await connection.send(['SHUTDOWN', 'SAVE']);
  } catch (cause) {
    // Errors of the server begin with a code in capitals; otherwise the connection ended, as it must.
    if (/^[A-Z]+ /.test(errorMessage(cause))) {
      const words = logTail(paths.logPath, logStart);
      throw new StackloreError('server_failed', {
        message: `The search server of ${paths.home} could not save its data and goes on running. ${remedyFor(words)} Its last words:\n${words}`,
        cause,
      });
    }
  }
  while (start !== undefined && processStart(pid) === start) await sleep(20);
}

/** Removes what a server that ended leaves of its socket. */
export function removeSocket(paths: DataHome): void {
  const socketPath = findSocketPath(paths);
  if (socketPath === undefined) return;
  rmSync(socketPath, { force: true });
  if (dirname(socketPath) !== paths.home) rmSync(dirname(socketPath), { recursive: true, force: true });
}

function rotateLog(logPath: string): void {
  if (existsSync(logPath) && statSync(logPath).size > MAX_LOG_BYTES) renameSync(logPath, `${logPath}.1`);
}

function startFailure(paths: DataHome, files: ServerFiles, reason: string, logStart: number): StackloreError {
  const words = logTail(paths.logPath, logStart);
  const quoted = words === '' ? '' : ` Its last words (all of ${paths.logPath}):\n${words}`;
  return new StackloreError('server_failed', {
    message: `The search server ${files.serverPath} ended (${reason}). ${remedyFor(`${reason}\n${words}`)}${quoted}`,
  });
}
