import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/**
 * Makes a folder and those above it, and leaves what is there as it is. Unlike Node's own recursive `mkdir` it ends where
 * nothing can be made, such as below `/proc`: that one tries again and again for ever.
 *
 * @param {string} path
 * @param {number} [mode] rights of the folders that are made
 */
export function makeFolder(path, mode = 0o777) {
  /** @type {string[]} */
  const missing = [];
  for (let folder = resolve(path); !existsSync(folder); folder = dirname(folder)) missing.unshift(folder);
  for (const folder of missing) {
    try {
      mkdirSync(folder, { mode });
    } catch (error) {
      // Another process may have made it meanwhile.
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    }
  }
  if (statSync(path).isDirectory()) return;
  throw Object.assign(new Error(`ENOTDIR: not a directory, mkdir '${path}'`), { code: 'ENOTDIR' });
}
