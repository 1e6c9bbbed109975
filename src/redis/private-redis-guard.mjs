/**
 * Keeps one private server from outliving the program that wanted it. This process sits between the two in a session
 * of its own, so that Ctrl-C passes it by, and holds a pipe to its parent: when that closes, even by kill -9, it kills
 * the server and removes the folder it made. Both directions of the pipe carry one JSON object a line:
 *
 * - from the parent: `{ start: { command, args, log } }`, `{ signal }`
 * - to the parent: `{ folder }` once, `{ pid }` for each start, `{ exit, reason }` for each end of the server
 */
import { spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { createInterface } from 'node:readline';

/** @typedef {{ start?: { command: string, args: string[], log: string }, signal?: NodeJS.Signals }} Order */

const folder = mkdtempSync(process.argv[2] ?? '/tmp/stacklore-');
/** @type {import('node:child_process').ChildProcess | undefined} */
let server;
let ending = false;

// A parent that died cannot be told anything; the closed input says so already.
process.stdout.on('error', () => {});
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) process.on(signal, end);

const orders = createInterface({ input: process.stdin });
orders.on('line', (line) => obey(JSON.parse(line)));
orders.on('close', end);
tell({ folder });

/** @param {Order} order */
function obey(order) {
  if (order.start) start(order.start);
  if (order.signal) signalServer(order.signal);
}

/** @param {{ command: string, args: string[], log: string }} options */
function start({ command, args, log }) {
  if (ending) return;
  const logFile = openSync(log, 'a', 0o600);
  // A group of its own, so that a signal also reaches the process it forks to write a snapshot.
  server = spawn(command, args, { detached: true, stdio: ['ignore', logFile, logFile] });
  closeSync(logFile);
  server.once('spawn', () => tell({ pid: server?.pid }));
  server.once('error', (error) => ended(error.message));
  server.once('exit', (code, signal) => ended(signal ? `signal ${signal}` : `exit code ${code}`));
}

/** @param {string} reason */
function ended(reason) {
  server = undefined;
  if (ending) finish();
  else tell({ exit: true, reason });
}

function end() {
  if (ending) return;
  ending = true;
  if (server) signalServer('SIGKILL');
  else finish();
}

function finish() {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  process.exit(0);
}

/** @param {NodeJS.Signals} signal */
function signalServer(signal) {
  if (server?.pid === undefined) return;
  try {
    process.kill(signal === 'SIGKILL' ? -server.pid : server.pid, signal);
  } catch {
    // It ended by itself a moment ago; its exit event is on the way.
  }
}

/** @param {object} message */
function tell(message) {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}
