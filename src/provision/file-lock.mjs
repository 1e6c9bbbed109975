import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import {
  closeSync,
  openSync,
  readFileSync,
  readlinkSync,
  statSync,
  unlinkSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeFolder } from './make-folder.mjs';

const POLL_MS = 50;
const HEARTBEAT_MS = 5_000;
/** A lock whose owner is unknown or cannot be looked up from here is dead when it was not touched for this long. */
const SILENCE_MS = 30_000;

/**
 * @typedef {object} Owner
 * @property {number} pid
 * @property {string} started start time of that process, so that a reused pid is not taken for it
 * @property {string} place host and process namespace the pid belongs to
 * @property {string} id
 */

/**
 * @typedef {object} LockOptions
 * @property {number} [timeoutMs] how long to wait for another holder; 10 minutes by default
 * @property {(pid: number) => void} [onWait] called once when another process holds the lock
 */

/**
 * Runs a function while holding the lock file at `path`: one holder at a time among all processes, a dead holder's lock
 * heals itself. Throws an error with `code` `LOCK_TIMEOUT` when the wait takes too long.
 *
 * @template T
 * @param {string} path
 * @param {() => T | Promise<T>} run
 * @param {LockOptions} [options]
 * @returns {Promise<T>}
 */
export async function withFileLock(path, run, { timeoutMs = 600_000, onWait } = {}) {
  makeFolder(dirname(path), 0o700);
  const owner = {
    pid: process.pid,
    started: processStart(process.pid) ?? '',
    place: thisPlace(),
    id: randomUUID(),
  };
  await acquire(path, owner, { timeoutMs, onWait });
  const heartbeat = setInterval(() => touch(path), HEARTBEAT_MS);
  heartbeat.unref();
  try {
    return await run();
  } finally {
    clearInterval(heartbeat);
    if (readOwner(path)?.id === owner.id) remove(path);
  }
}

/**
 * When a process started, as text that only has to be compared; `undefined` when there is no such process.
 *
 * @param {number} pid
 * @returns {string | undefined}
 */
export function processStart(pid) {
  try {
    if (process.platform === 'linux') {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      // The second field is the program's name in brackets and may itself hold spaces and brackets.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      // Field 22 of proc(5), the first two being cut off; a zombie ("Z", field 3) runs no more.
      return fields[0] === 'Z' ? undefined : fields[19];
    }
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], {
      env: { ...process.env, LC_ALL: 'C' },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return undefined;
  }
}

/**
 * @param {string} path
 * @param {Owner} owner
 * @param {{ timeoutMs: number, onWait: ((pid: number) => void) | undefined }} options
 */
async function acquire(path, owner, { timeoutMs, onWait }) {
  const deadline = Date.now() + timeoutMs;
  let told = false;
  while (!create(path, owner)) {
    if (healDead(path)) continue;
    const holder = readOwner(path);
    if (!told && holder) onWait?.(holder.pid);
    told ||= holder !== undefined;
    if (Date.now() >= deadline) throw lockTimeout(path, holder, timeoutMs);
    await sleep(POLL_MS);
  }
}

/**
 * @param {string} path
 * @param {Owner} owner
 */
function create(path, owner) {
  try {
    const file = openSync(path, 'wx', 0o644);
    try {
      writeSync(file, JSON.stringify(owner));
    } catch (error) {
      // On a full disk, say: an empty lock would keep others waiting until it is taken for dead.
      remove(path);
      throw error;
    } finally {
      closeSync(file);
    }
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/**
 * Removes a dead owner's lock; true when there is reason to try again at once. Only the holder of the `.heal` file may
 * remove another's lock, and looks again before: two waiters healing at once would else remove each other's new lock.
 *
 * @param {string} path
 */
function healDead(path) {
  if (!isDead(path)) return false;
  const guard = `${path}.heal`;
  if (!createGuard(guard)) return false;
  try {
    if (isDead(path)) remove(path);
  } finally {
    remove(guard);
  }
  return true;
}

/** @param {string} guard */
function createGuard(guard) {
  try {
    closeSync(openSync(guard, 'wx', 0o644));
    return true;
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    // Held for microseconds; an old one was left by a process killed in between.
    if ((ageMs(guard) ?? 0) > SILENCE_MS) remove(guard);
    return false;
  }
}

/** @param {string} path */
function isDead(path) {
  const age = ageMs(path);
  if (age === undefined) return false;
  const owner = readOwner(path);
  // Without an owner: its writer is between creating and filling the file, or died there.
  if (!owner || owner.place !== thisPlace() || owner.started === '') return age > SILENCE_MS;
  return processStart(owner.pid) !== owner.started;
}

/**
 * @param {string} path
 * @returns {Owner | undefined}
 */
function readOwner(path) {
  try {
    const owner = JSON.parse(readFileSync(path, 'utf8'));
    return typeof owner?.pid === 'number' ? owner : undefined;
  } catch {
    return undefined;
  }
}

function thisPlace() {
  try {
    return `${hostname()} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return hostname();
  }
}

/** @param {string} path */
function ageMs(path) {
  try {
    return Date.now() - statSync(path).mtimeMs;
  } catch {
    return undefined;
  }
}

/** @param {string} path */
function touch(path) {
  try {
    utimesSync(path, new Date(), new Date());
  } catch {
    // Somebody cleaned the folder: the lock is lost, and nothing can be done about it from a timer.
  }
}

/** @param {string} path */
function remove(path) {
  try {
    unlinkSync(path);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}

/**
 * @param {string} path
 * @param {Owner | undefined} holder
 * @param {number} timeoutMs
 */
function lockTimeout(path, holder, timeoutMs) {
  const who = holder ? `Process ${holder.pid}` : 'Another process';
  const message = `${who} has held the lock ${path} for more than ${Math.round(timeoutMs / 1_000)} s. Wait until it is done, or end it, and try again.`;
  return Object.assign(new Error(message), { code: 'LOCK_TIMEOUT' });
}

/** @param {unknown} error */
function codeOf(error) {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
