import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Puts the search page, which needs no compiling, beside the compiled code.
 *
 * @param {string} root the repository's folder
 * @param {string} compiled the folder that holds what `src` became
 */
export function copyPage(root, compiled) {
  cpSync(join(root, 'src/web'), join(compiled, 'web'), {
    recursive: true,
    filter: (path) => !path.endsWith('.d.ts'),
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = fileURLToPath(new URL('..', import.meta.url));
  copyPage(root, join(root, 'dist'));
}
