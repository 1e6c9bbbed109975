import { existsSync } from 'node:fs';
import type { Config } from '../config.ts';
import { errorMessage, StackloreError } from '../errors.ts';
import { findServer, provisionServer, type ServerFiles } from '../provision/redis-pair.ts';
import type { ProvisionReport } from '../provision/report.ts';
import { type DataHome, dataHome, prepareDataHome } from './data-home.ts';
import { endHangingServer, endUnreachableServer, hangingServer } from './end-server.ts';
import { prepareGoodStop } from './good-stop.ts';
import { withHomeLock } from './home-lock.ts';
import { watchIdle } from './idle-stop.ts';
import { openLoopbackPort } from './loopback-port.ts';
import { logTail, remedyFor } from './server-process.ts';
import { isSilence, orDeath, refusePartialAnswers, waitUntilLoaded } from './server-ready.ts';
import {
  areFilesChanged,
  isRecordedProcessAlive,
  readServerRecord,
  recordOf,
  writeServerRecord,
} from './server-record.ts';
import {
  hasUsers,
  isPinnedPair,
  type Replaced,
  replaceServer,
  reportReplaced,
} from './server-replacement.ts';
import {
  closingOnError,
  reachSharedServer,
  removeSocket,
  type SharedServer,
  shutDownServer,
  startSharedServer,
} from './shared-server.ts';

/** A hold on the shared server of a data home; while it is open, the server counts as being used. */
export interface EmbeddedRedis {
  readonly socketPath: string;
  readonly pid: number;
  /** Whether this call started the server, rather than finding it running. */
  readonly started: boolean;
  /** Lets go of the server, which goes on running. */
  close(): Promise<void>;
}

/** What `attachEmbeddedRedis` takes besides the configuration. */
export interface AttachOptions {
  /** Told what is fetched, when a server must be. */
  readonly report: ProvisionReport;
  /** Told what takes long and what was put right, in whole sentences. */
  readonly onNotice?: (text: string) => void;
  /** Does what a server needs that was just started and has loaded its data, before it counts as ready. */
  readonly onStarted?: (socketPath: string) => Promise<void>;
  /** The server to start; by default the one that provisioning gives. */
  readonly files?: ServerFiles;
  /** A server that says nothing for this long hangs; 5 minutes by default, as one that is busy answers late. */
  readonly silenceLimitMs?: number;
}

/** Others may stop a server between reaching and using it; then it is started anew, this often at most. */
const MAX_ATTEMPTS = 3;

/**
 * Attaches to the one server of a data home, starting it when it does not run: one detached process that this user
 * alone reaches, through a unix socket. Waits until its data are loaded. A server from other files than those found now
 * is replaced once nobody uses it. Throws `server_failed` with the server's last words when it cannot run.
 */
export async function attachEmbeddedRedis(config: Config, options: AttachOptions): Promise<EmbeddedRedis> {
  const attachment: Attachment = {
    config,
    paths: dataHome(config.home),
    report: options.report,
    onNotice: options.onNotice ?? (() => undefined),
    onStarted: options.onStarted ?? (async () => undefined),
    files: options.files,
    silenceLimitMs: options.silenceLimitMs,
  };
  prepareDataHome(attachment.paths);
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await attachOnce(attachment);
    } catch (cause) {
      if (cause instanceof StackloreError) throw cause;
      if (isSilence(cause)) throw hangingServer(attachment.paths, cause);
      if (attempt === MAX_ATTEMPTS) throw unusable(attachment.paths, cause);
    }
  }
}

/** How long a stop waits for a server that hangs. */
export interface StopOptions extends Pick<AttachOptions, 'onNotice'> {
  /** A server that says nothing for this long is signalled instead; 30 seconds by default. */
  readonly silenceLimitMs?: number;
  /** After the signal it has this long to save and end before it is killed; 30 seconds by default. */
  readonly killAfterMs?: number;
}

/**
 * Saves and stops the server of a data home, and waits until its process is gone; `stopped` is false when none ran. One
 * that hangs is killed in the end. Throws `server_failed`, with the server still running, when it cannot save.
 */
export async function stopEmbeddedRedis(
  config: Config,
  { onNotice = () => undefined, silenceLimitMs = 30_000, killAfterMs = 30_000 }: StopOptions = {},
): Promise<{ stopped: boolean }> {
  const paths = dataHome(config.home);
  if (!existsSync(paths.dir)) return { stopped: false };
  return withHomeLock(paths, onNotice, async () => {
    const stopped = await stopServer(paths, { onNotice, silenceLimitMs, killAfterMs });
    removeSocket(paths);
    return { stopped };
  });
}

async function stopServer(paths: DataHome, options: Required<StopOptions>): Promise<boolean> {
  try {
    const server = await reachSharedServer(paths, options.onNotice, options.silenceLimitMs);
    if (!server) return await endUnreachableServer(paths, options);
    await closingOnError(server.connection, stopInGoodOrder(paths, server, options));
  } catch (error) {
    if (!isSilence(error)) throw error;
    await endHangingServer(paths, options);
  }
  return true;
}

/** Somebody waits for the stop. */
const COUNT_MS = 5_000;

async function stopInGoodOrder(
  paths: DataHome,
  server: SharedServer,
  { silenceLimitMs }: Required<StopOptions>,
): Promise<void> {
  const options = { silenceLimitMs, countMs: COUNT_MS };
  // A server that is loading, or building an index, cannot count; then the next start has nothing to compare with.
  const indexes = await prepareGoodStop(server.connection, options).catch((error: unknown) => {
    if (isSilence(error)) throw error;
    return undefined;
  });
  await shutDownServer(paths, server);
  const record = readServerRecord(paths.recordPath);
  if (record && indexes) writeServerRecord(paths.recordPath, { ...record, indexes });
}

interface Attachment {
  readonly config: Config;
  readonly paths: DataHome;
  readonly report: ProvisionReport;
  readonly onNotice: (text: string) => void;
  readonly onStarted: (socketPath: string) => Promise<void>;
  readonly files: ServerFiles | undefined;
  readonly silenceLimitMs: number | undefined;
}

/** A reached server; one that this call started also tells its death, and what ran before it. */
interface Attached extends SharedServer {
  readonly died?: Promise<never>;
  readonly replaced?: Replaced;
  /** What is to be said of the server before, which nobody had stopped. */
  readonly suddenEnd?: string;
}

async function attachOnce(attachment: Attachment): Promise<EmbeddedRedis> {
  const running = await reach(attachment);
  const server = running
    ? await closingOnError(running.connection, replaceIfChanged(attachment, running))
    : await startOrReach(attachment);
  const { connection, socketPath, pid } = server;
  await closingOnError(connection, orDeath(makeReady(attachment, server), server.died));
  connection.unref();
  return {
    socketPath,
    pid,
    started: server.died !== undefined,
    close: async () => {
      connection.close();
      await connection.closed;
    },
  };
}

function reach({ paths, onNotice, silenceLimitMs }: Attachment): Promise<SharedServer | undefined> {
  return reachSharedServer(paths, onNotice, silenceLimitMs);
}

async function makeReady(
  { config, paths, onNotice, onStarted }: Attachment,
  server: Attached,
): Promise<void> {
  const { connection, replaced, socketPath, suddenEnd } = server;
  await waitUntilLoaded(connection, onNotice);
  if (server.died) {
    await refusePartialAnswers(connection);
    await onStarted(socketPath);
  }
  // Only now: where this start fails too, its own last words say more.
  if (suddenEnd !== undefined) onNotice(suddenEnd);
  if (replaced) await reportReplaced(replaced, { connection, dir: paths.dir }, onNotice);
  const { port = 0, idleStopSeconds } = config.embedded;
  if (port > 0) await openLoopbackPort(connection, port);
  const seconds = idleStopSeconds > 0 ? idleStopSeconds : (replaced?.idleStopSeconds ?? 0);
  if (seconds > 0) await watchIdle(connection, { socketPath, recordPath: paths.recordPath }, seconds);
}

async function startOrReach(attachment: Attachment): Promise<Attached> {
  const { config, paths, report, onNotice } = attachment;
  // Outside the lock: fetching a server may take minutes and has a lock of its own.
  const files = attachment.files ?? (await provisionServer(config, report));
  return withHomeLock(paths, onNotice, async () => {
    for (;;) {
      const running = await reach(attachment);
      if (running) return running;
      const record = readServerRecord(paths.recordPath);
      if (!record || !isRecordedProcessAlive(record)) return startOnOldData(attachment, files);
      await endUnreachableServer(paths, { onNotice });
    }
  });
}

async function startOnOldData({ paths, onNotice }: Attachment, files: ServerFiles): Promise<Attached> {
  const record = readServerRecord(paths.recordPath);
  const isReplaced = record !== undefined && (await areFilesChanged(record, files));
  const suddenEnd = record && describeSuddenEnd(paths, record.pid);
  return {
    ...(await startSharedServer(paths, files, onNotice)),
    ...(isReplaced && { replaced: { before: record.indexes, idleStopSeconds: 0 } }),
    ...(suddenEnd !== undefined && { suddenEnd }),
  };
}

/** How the last server ended where nobody stopped it: its own words may tell why. */
function describeSuddenEnd({ logPath }: DataHome, pid: number): string | undefined {
  const words = logTail(logPath);
  const isStopped = /ready to exit, bye bye/.test(words.split('\n').slice(-3).join());
  if (words === '' || isStopped) return undefined;
  return `The search server (process ${pid}) had ended without being stopped; it was started again on its data. The last lines of ${logPath} before:\n${words}`;
}

async function replaceIfChanged(attachment: Attachment, running: SharedServer): Promise<Attached> {
  const { config, paths, report, onNotice } = attachment;
  if (attachment.files === undefined && isPinnedPair(config, paths, running)) return running;
  const files = attachment.files ?? (await findServer(config, report));
  if (!files || !(await isFromOtherFiles(paths, running, files))) return running;
  await waitUntilLoaded(running.connection, onNotice);
  running.connection.close();
  return withHomeLock(paths, onNotice, async () => {
    const server = await reach(attachment);
    if (!server) return startOnOldData(attachment, files);
    return closingOnError(server.connection, replaceUnlessUsed(attachment, server, files));
  });
}

async function replaceUnlessUsed(
  { paths, onNotice }: Attachment,
  server: SharedServer,
  files: ServerFiles,
): Promise<Attached> {
  // Another command may have replaced it while this one waited for the lock.
  if (!(await isFromOtherFiles(paths, server, files))) return server;
  if (!(await hasUsers(server.connection))) return replaceServer(paths, { server, files, onNotice });
  onNotice(
    `The search server was started from other files than ${files.serverPath} and is in use; it will be replaced once nobody uses it, or by "stacklore down".`,
  );
  return server;
}

async function isFromOtherFiles(paths: DataHome, server: SharedServer, files: ServerFiles): Promise<boolean> {
  const record = await recordOf(paths.recordPath, server);
  return record !== undefined && (await areFilesChanged(record, files));
}

function unusable({ home, logPath }: DataHome, cause: unknown): StackloreError {
  return new StackloreError('server_failed', {
    message: `The search server of ${home} cannot be used (${errorMessage(cause)}). ${remedyFor(errorMessage(cause))} Its log is ${logPath}.`,
    cause,
  });
}
