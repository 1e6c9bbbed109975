import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Whether a server can search; `lasting` when asking again would give the same answer. */
export interface Proof {
  readonly works: boolean;
  readonly reason: string;
  readonly lasting: boolean;
}

/** Starts a server with a module (or its built-in one) on a private socket, asks it `FT._LIST`, and stops it. */
export async function proveServer(serverPath: string, modulePath?: string): Promise<Proof> {
  const dir = await mkdtemp(join(socketFolder(), 'stacklore-proof-'));
  const socketPath = join(dir, 'redis.sock');
  const server = spawn(serverPath, serverArguments(dir, socketPath, modulePath), {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const release = endWithThisProcess(server, dir);
  const log = collectLog(server);
  const ended = new Promise<void>((settle) => {
    server.once('error', () => settle());
    server.once('exit', () => settle());
  });
  try {
    return await ask(socketPath, server, log);
  } finally {
    await stop(server, socketPath, ended);
    await rm(dir, { recursive: true, force: true });
    release();
  }
}

const READY_MS = 15_000;
const MAX_SOCKET_PATH_BYTES = 107;

/** Redis refuses a long socket path, and a user's TMPDIR may be long. */
function socketFolder(): string {
  const socketPath = join(tmpdir(), 'stacklore-proof-XXXXXX/redis.sock');
  return Buffer.byteLength(socketPath) > MAX_SOCKET_PATH_BYTES ? '/tmp' : tmpdir();
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Ends the trial server with this process, unless that is killed; gives the function that takes this back. */
function endWithThisProcess(server: ChildProcess, dir: string): () => void {
  const onExit = () => {
    server.kill('SIGKILL');
    rmSync(dir, { recursive: true, force: true });
  };
  const onSignal = (signal: NodeJS.Signals) => {
    onExit();
    release();
    // Without this listener the signal would have ended the process; another listener decides for itself.
    if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
  };
  const release = () => {
    process.off('exit', onExit);
    for (const signal of SIGNALS) process.off(signal, onSignal);
  };
  process.on('exit', onExit);
  for (const signal of SIGNALS) process.on(signal, onSignal);
  return release;
}

function serverArguments(dir: string, socketPath: string, modulePath: string | undefined): string[] {
  const settings = ['--port', '0', '--unixsocket', socketPath, '--unixsocketperm', '700', '--dir', dir];
  const module = modulePath === undefined ? [] : ['--loadmodule', modulePath];
  return [...settings, '--save', '', '--appendonly', 'no', '--daemonize', 'no', ...module];
}

function collectLog(server: ChildProcess): { text: string } {
  const log = { text: '' };
  server.once('error', (error) => {
    log.text += error.message;
  });
  for (const stream of [server.stdout, server.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      log.text = (log.text + text).slice(-16_384);
    });
  }
  return log;
}

async function ask(socketPath: string, server: ChildProcess, log: { text: string }): Promise<Proof> {
  const deadline = Date.now() + READY_MS;
  while (Date.now() < deadline) {
    // A process that could not be started has no pid and never ends.
    if (server.pid === undefined || server.exitCode !== null || server.signalCode !== null) {
      return { works: false, reason: `it does not start: ${lastWords(log.text)}`, lasting: true };
    }
    const reply = await send(socketPath, 'FT._LIST').catch(() => undefined);
    if (reply?.startsWith('*')) return { works: true, reason: '', lasting: true };
    if (reply?.startsWith('-ERR unknown command')) {
      return { works: false, reason: 'it has no search module', lasting: true };
    }
    await sleep(20);
  }
  return { works: false, reason: `it was not ready within ${READY_MS / 1_000} s`, lasting: false };
}

/** One inline command, one connection, the start of the reply. */
async function send(socketPath: string, command: string): Promise<string> {
  const socket = createConnection(socketPath);
  socket.setTimeout(5_000, () => socket.destroy(new Error('no reply')));
  try {
    await once(socket, 'connect');
    socket.write(`${command}\r\n`);
    const [reply] = await once(socket, 'data');
    return String(reply);
  } finally {
    socket.destroy();
  }
}

/** Asked to stop first: where `serverPath` is a wrapper script, a signal would reach only the wrapper. */
async function stop(server: ChildProcess, socketPath: string, ended: Promise<void>): Promise<void> {
  if (server.pid === undefined) return;
  await Promise.race([send(socketPath, 'SHUTDOWN NOSAVE').catch(() => undefined), ended]);
  await Promise.race([ended, sleep(2_000, undefined, { ref: false })]);
  server.kill('SIGKILL');
  await ended;
}

/** The server's last warnings, else its last line. */
function lastWords(log: string): string {
  const lines = log.split('\n').filter((line) => line.trim() !== '');
  const warnings = lines
    .filter((line) => /\s#\s/.test(line))
    .map((line) => line.slice(line.indexOf('# ') + 2));
  const words = warnings.length > 0 ? warnings.slice(-2) : lines.slice(-1);
  return words.join(' ').slice(0, 400) || 'it says nothing';
}
