import { setTimeout as sleep } from 'node:timers/promises';
import { errorMessage, StackloreError } from '../errors.ts';
import { type ControlConnection, type ControlReply, openControl, parseInfo } from './control-connection.mjs';

/** A longer silence is told to the user. */
const PATIENCE_MS = 10_000;
/** A server that says nothing for this long hangs: one that loads large data still answers now and then. */
const SILENCE_LIMIT_MS = 300_000;
const POLL_MS = 20;

/** A connection to whoever listens on the socket; nothing when nobody does. */
export async function reachServer(socketPath: string): Promise<ControlConnection | undefined> {
  try {
    return await openControl(socketPath);
  } catch (cause) {
    if (isNobodyListening(cause)) return undefined;
    throw new StackloreError('database_unreachable', {
      message: `The socket ${socketPath} cannot be used (${errorMessage(cause)}). Run as the user who owns the data home.`,
      cause,
    });
  }
}

/** A connection to a server that was just started; rejects with `died` when that settles first. */
export async function reachStartedServer(
  socketPath: string,
  died: Promise<never>,
): Promise<ControlConnection> {
  for (;;) {
    const connection = await Promise.race([reachServer(socketPath), died]);
    if (connection) return connection;
    await Promise.race([sleep(POLL_MS), died]);
  }
}

/**
 * Waits until the server has its data in memory, for as long as that takes, and tells `onNotice` how far it is, once a
 * second at most. Rejects when the connection ends.
 */
export async function waitUntilLoaded(
  connection: ControlConnection,
  onNotice: (text: string) => void,
  now: () => number = Date.now,
): Promise<void> {
  let noticeDue = now() + 1_000;
  while (await isLoading(connection, onNotice)) {
    const info = parseInfo(await askPatiently(connection, ['INFO', 'persistence'], onNotice));
    const percent = info.get('loading_loaded_perc');
    if (percent !== undefined && now() >= noticeDue) {
      onNotice(`The search server is loading its data: ${Number(percent).toFixed(0)} %.`);
      noticeDue = now() + 1_000;
    }
    await sleep(POLL_MS);
  }
}

/** Sends a command to a server that may be busy for long, telling so; a silence longer than the limit rejects (`isSilence`). */
export async function askPatiently(
  connection: ControlConnection,
  command: readonly string[],
  onNotice: (text: string) => void,
  silenceLimitMs = SILENCE_LIMIT_MS,
): Promise<ControlReply> {
  const tell = (): void => onNotice('The search server is busy and has not answered yet; still waiting.');
  const timer = setInterval(tell, PATIENCE_MS);
  try {
    return await connection.send(command, { timeoutMs: silenceLimitMs });
  } finally {
    clearInterval(timer);
  }
}

/** True for the error of a server that did not answer in time. */
export function isSilence(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'SILENT';
}

/** Has a slow query answered with an error, not with part of its hits, also by a module that was given no arguments. */
export async function refusePartialAnswers(connection: ControlConnection): Promise<void> {
  // Redis 8 has the setting under a name of its own. A server that knows neither name has no search to set.
  await connection.send(['FT.CONFIG', 'SET', 'ON_TIMEOUT', 'FAIL']).catch(() => undefined);
  await connection.send(['CONFIG', 'SET', 'search-on-timeout', 'fail']).catch(() => undefined);
}

/**
 * Waits for work with a server; when the server ends meanwhile, rejects with how it died instead of with the broken
 * connection, which is noticed first.
 */
export async function orDeath<T>(work: Promise<T>, died: Promise<never> | undefined): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (died && !(error instanceof StackloreError)) await Promise.race([died, sleep(DEATH_MS)]);
    throw error;
  }
}

/** Between the end of a server's connections and the end of its process passes no more than this. */
const DEATH_MS = 5_000;

async function isLoading(connection: ControlConnection, onNotice: (text: string) => void): Promise<boolean> {
  try {
    await askPatiently(connection, ['PING'], onNotice);
    return false;
  } catch (error) {
    if (errorMessage(error).startsWith('LOADING')) return true;
    throw error;
  }
}

function isNobodyListening(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'ENOENT' || code === 'ECONNREFUSED' || code === 'ENOTSOCK' || code === 'ENOTDIR';
}
