import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Puts an executable of that name into a folder, for a PATH of a test; its body is JavaScript. */
export function writeFakeProgram(folder: string, name: string, body: string): string {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, name);
  // CommonJS, as a file without extension is outside of any package.
  writeFileSync(path, `#!${process.execPath}\n${body}\n`, { mode: 0o755 });
  return path;
}
