import { readFileSync } from 'node:fs';

/** The version of this package. */
export function version(): string {
  const content = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  // Our own package.json, which npm refuses to publish without a version.
  return (JSON.parse(content) as { version: string }).version;
}
