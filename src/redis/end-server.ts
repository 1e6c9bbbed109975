import { setTimeout as sleep } from 'node:timers/promises';
import { StackloreError } from '../errors.ts';
import { type DataHome, findSocketPath } from './data-home.ts';
import { reachServer } from './server-ready.ts';
import { isRecordedProcessAlive, readServerRecord, type ServerRecord } from './server-record.ts';

/** How a server that cannot be asked to stop is ended. */
export interface EndOptions {
  readonly onNotice: (text: string) => void;
  /** After SIGTERM it has this long to save and end, then it is killed; without it, it is never killed. */
  readonly killAfterMs?: number;
}

/**
 * Ends the recorded server where it runs but cannot be reached, since its socket was removed or its start interrupted:
 * two servers must never write the same files. Any other process is left alone. False when there was nothing to end, or
 * when the server can be reached after all.
 */
export async function endUnreachableServer(
  paths: DataHome,
  { onNotice, killAfterMs }: EndOptions,
): Promise<boolean> {
  const record = readServerRecord(paths.recordPath);
  if (!record || !(await staysUnreachable(paths, record, GRACE_MS))) return false;
  onNotice(`The search server (process ${record.pid}) cannot be reached through its socket; stopping it.`);
  signal(paths, record, 'SIGTERM');
  if (await staysUnreachable(paths, record, killAfterMs ?? END_MS)) {
    if (killAfterMs === undefined) throw cannotEnd(paths, record.pid);
    await kill(paths, record, onNotice);
  }
  return true;
}

/** Ends the recorded server that takes connections but does not answer. Throws `server_failed` when that is not possible. */
export async function endHangingServer(
  paths: DataHome,
  { onNotice, killAfterMs }: Required<EndOptions>,
): Promise<void> {
  const record = readServerRecord(paths.recordPath);
  if (!record || !isRecordedProcessAlive(record)) throw hangingServer(paths);
  onNotice(`The search server (process ${record.pid}) does not answer; stopping it.`);
  signal(paths, record, 'SIGTERM');
  if (await outlives(record, killAfterMs)) await kill(paths, record, onNotice);
}

/** A server that takes connections but does not answer, with its process where that is known here. */
export function hangingServer(paths: DataHome, cause?: unknown): StackloreError {
  const record = readServerRecord(paths.recordPath);
  const isKnown = record !== undefined && isRecordedProcessAlive(record);
  return new StackloreError('server_failed', {
    message: isKnown
      ? `The search server of ${paths.home} (process ${record.pid}) runs but does not answer. If it was suspended, let it go on with "kill -CONT ${record.pid}"; otherwise end it with "stacklore down".`
      : `The search server of ${paths.home} does not answer, and its process is not known here. End it where it was started, then run the command again.`,
    cause,
  });
}

/** A server that starts or ends just now is reachable, or gone, within this time. */
const GRACE_MS = 2_000;
const END_MS = 120_000;
const KILLED_MS = 10_000;
const POLL_MS = 50;

async function staysUnreachable(
  paths: DataHome,
  record: ServerRecord,
  milliseconds: number,
): Promise<boolean> {
  const deadline = Date.now() + milliseconds;
  while (isRecordedProcessAlive(record)) {
    const socketPath = findSocketPath(paths);
    const connection = socketPath === undefined ? undefined : await reachServer(socketPath);
    connection?.close();
    if (connection) return false;
    if (Date.now() >= deadline) return true;
    await sleep(POLL_MS);
  }
  return false;
}

async function outlives(record: ServerRecord, milliseconds: number): Promise<boolean> {
  const deadline = Date.now() + milliseconds;
  while (isRecordedProcessAlive(record)) {
    if (Date.now() >= deadline) return true;
    await sleep(POLL_MS);
  }
  return false;
}

/** Costs no data: what the server acknowledged is in its append-only file, which the next one reads. */
async function kill(paths: DataHome, record: ServerRecord, onNotice: (text: string) => void): Promise<void> {
  onNotice(`Process ${record.pid} does not end either; killing it. Its append-only file keeps the data.`);
  signal(paths, record, 'SIGKILL');
  if (await outlives(record, KILLED_MS)) throw cannotEnd(paths, record.pid);
}

function signal(paths: DataHome, record: ServerRecord, name: NodeJS.Signals): void {
  // Looked at again: since the last look the pid may have become another program's.
  if (!isRecordedProcessAlive(record)) return;
  try {
    process.kill(record.pid, name);
  } catch (cause) {
    if (isRecordedProcessAlive(record)) throw cannotEnd(paths, record.pid, cause);
  }
}

function cannotEnd(paths: DataHome, pid: number, cause?: unknown): StackloreError {
  return new StackloreError('server_failed', {
    message: `Process ${pid} still serves the data of ${paths.home} but cannot be reached. End it, then run the command again.`,
    cause,
  });
}
