import { setTimeout as sleep } from 'node:timers/promises';
import { errorMessage, StackloreError } from '../errors.ts';
import { type ControlConnection, openControl, parseInfo } from './control-connection.mjs';

/** A server answers within this time even while it loads; a longer silence is told to the user. */
const PATIENCE_MS = 10_000;
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
  const say = (text: string): void => {
    if (now() < noticeDue) return;
    noticeDue = now() + 1_000;
    onNotice(text);
  };
  while (await isLoading(connection, say)) {
    // Waited for through its own answer: no deadline, since loading a large key can silence a server for long.
    const info = parseInfo(await silenceTold(connection.send(['INFO', 'persistence']), say));
    const percent = info.get('loading_loaded_perc');
    if (percent !== undefined) say(`The search server is loading its data: ${Number(percent).toFixed(0)} %.`);
    await sleep(POLL_MS * 5);
  }
}

/**
 * Waits for work with a server; when the server ends meanwhile, rejects with how it died instead of with the broken
 * connection, which is noticed first.
 */
export async function lastWords<T>(work: Promise<T>, died: Promise<never> | undefined): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (died && !(error instanceof StackloreError)) await Promise.race([died, sleep(DEATH_MS)]);
    throw error;
  }
}

/** Between the end of a server's connections and the end of its process passes no more than this. */
const DEATH_MS = 5_000;

async function isLoading(connection: ControlConnection, say: (text: string) => void): Promise<boolean> {
  try {
    await silenceTold(connection.send(['PING']), say);
    return false;
  } catch (error) {
    if (/^(LOADING|BUSY)\b/.test(errorMessage(error))) return true;
    throw error;
  }
}

async function silenceTold<T>(reply: Promise<T>, say: (text: string) => void): Promise<T> {
  const timer = setInterval(
    () => say('The search server is busy and has not answered yet; still waiting.'),
    PATIENCE_MS,
  );
  try {
    return await reply;
  } finally {
    clearInterval(timer);
  }
}

function isNobodyListening(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'ENOENT' || code === 'ECONNREFUSED' || code === 'ENOTSOCK' || code === 'ENOTDIR';
}
