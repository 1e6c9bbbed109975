import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A file of the search page. */
export interface PageFile {
  readonly type: string;
  readonly bytes: Buffer;
}

/** The search page: `index.html`, which names the version, and everything else under it. */
export interface PageFiles {
  /** A hash over all files. What is asked for under it never changes. */
  readonly version: string;
  readonly index: PageFile;
  readonly assets: ReadonlyMap<string, PageFile>;
}

/** Reads the files of the page, which stand beside this folder in the sources and in the package alike. */
export function readPageFiles(folder = fileURLToPath(new URL('../web/', import.meta.url))): PageFiles {
  const own = readdirSync(folder)
    .filter((name) => TYPES[extname(name)] !== undefined)
    .map((name) => [name, readFileSync(join(folder, name))] as const);
  const charts = CHART_FILES.map(([name, file]) => {
    return [name, readFileSync(fileURLToPath(import.meta.resolve(file)))] as const;
  });
  const files = [...own, ...charts].sort(([a], [b]) => (a < b ? -1 : 1));
  const hash = createHash('sha256');
  for (const [name, bytes] of files) hash.update(`${name}\0${bytes.length}\0`).update(bytes);
  const version = hash.digest('base64url').slice(0, 12);
  const assets = new Map(
    files.map(([name, bytes]) => [name, { type: TYPES[extname(name)] ?? 'application/octet-stream', bytes }]),
  );
  const index = assets.get('index.html');
  if (!index) throw new Error(`The search page is not in ${folder}. Build the package again.`);
  assets.delete('index.html');
  const text = index.bytes.toString('utf8').replaceAll('/assets/', `/assets/${version}/`);
  return { version, index: { type: index.type, bytes: Buffer.from(text) }, assets };
}

/** The chart library, served from its package as it is. */
const CHART_FILES = [
  ['uplot.js', 'uplot/dist/uPlot.esm.js'],
  ['uplot.css', 'uplot/dist/uPlot.min.css'],
] as const;

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};
