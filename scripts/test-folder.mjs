import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { processStart } from '../src/provision/file-lock.mjs';

/** Below it tests make folders of their own, in these sockets, whose paths must not be longer than 107 bytes. */
const MAX_BASE_BYTES = 40;

/** Makes the folder that holds all temporary files of a test run; its path is short. */
export function makeTestFolder() {
  const base = Buffer.byteLength(tmpdir()) <= MAX_BASE_BYTES ? tmpdir() : '/tmp';
  return mkdtempSync(join(base, 'slt-'));
}

/**
 * Ends every server whose data home is below the folder, then removes the folder. Such a server is a process of its own
 * that outlives the tests when they are interrupted.
 *
 * @param {string} folder
 */
export function removeTestFolder(folder) {
  for (const path of serverRecords(folder)) endServer(path);
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}

/**
 * @param {string} folder
 * @returns {string[]}
 */
function serverRecords(folder) {
  return entriesOf(folder).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return serverRecords(path);
    return entry.name === 'server.json' && folder.endsWith('/redis') ? [path] : [];
  });
}

/** @param {string} folder */
function entriesOf(folder) {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    // Removed meanwhile by a test that ends.
    return [];
  }
}

/** @param {string} recordPath */
function endServer(recordPath) {
  try {
    const { pid, processStart: started } = JSON.parse(readFileSync(recordPath, 'utf8'));
    // The start time tells whether the number belongs to another program by now.
    if (Number.isInteger(pid) && pid > 1 && started && processStart(pid) === started) {
      process.kill(pid, 'SIGKILL');
    }
  } catch {
    // No record of a server, or the server ended a moment ago.
  }
}
