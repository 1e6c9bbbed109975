import { accessSync, constants, realpathSync, statSync } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { delimiter, dirname, isAbsolute, join } from 'node:path';
import { makeFolder } from './make-folder.mjs';
import { type Proof, proveServer } from './prove-server.ts';

/** A server binary with the modules it may load, best first; `undefined` stands for a module built in. */
export interface ServerCandidate {
  readonly serverPath: string;
  readonly modulePaths: readonly (string | undefined)[];
}

/** A candidate that was proven, or why none of its forms works. */
export type ProvenServer = { serverPath: string; modulePath?: string } | { reason: string };

/** The Redis servers of a search path (`PATH`), in its order, each once. */
export function serversOnPath(searchPath: string): ServerCandidate[] {
  const paths = searchPath
    .split(delimiter)
    .filter((folder) => isAbsolute(folder))
    .flatMap((folder) => [stackServer(folder), join(folder, 'redis-server')])
    .filter((path) => path !== undefined)
    .filter(isExecutable);
  const unique = new Map(paths.map((path) => [realpathSync(path), path]));
  return [...unique.values()].map(serverCandidate);
}

/**
 * `redis-stack-server` is a script that starts the `redis-server` of its folder with options of its own, a TCP port open
 * to all among them: that server is used, never the script.
 */
function stackServer(folder: string): string | undefined {
  const script = join(folder, 'redis-stack-server');
  return isExecutable(script) ? join(dirname(realpathSync(script)), 'redis-server') : undefined;
}

/** A server with each `redisearch.so` found where distributions put it. */
export function serverCandidate(serverPath: string): ServerCandidate {
  const folders = [dirname(serverPath), dirname(realpathSync(serverPath))];
  const beside = folders.flatMap((folder) => [
    folder,
    join(folder, '../lib'),
    join(folder, '../lib/redis/modules'),
    join(folder, '../modules'),
  ]);
  const places = [
    ...beside,
    '/opt/redis-stack/lib',
    '/usr/lib/redis/modules',
    '/usr/local/lib/redis/modules',
  ];
  const modules = places.map((place) => join(place, 'redisearch.so')).filter(isFile);
  const unique = new Map(modules.map((path) => [realpathSync(path), path]));
  return { serverPath, modulePaths: [...unique.values(), undefined] };
}

/** True for a file that may be run. */
export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return isFile(path);
  } catch {
    return false;
  }
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

/** Starts the candidate with each of its modules until one can search; answers are remembered in `cacheDir`. */
export async function proveCandidate(candidate: ServerCandidate, cacheDir: string): Promise<ProvenServer> {
  const { serverPath, modulePaths } = candidate;
  const reasons: string[] = [];
  for (const modulePath of modulePaths) {
    const proof = await rememberedProof(serverPath, modulePath, cacheDir);
    if (proof.works) return modulePath === undefined ? { serverPath } : { serverPath, modulePath };
    reasons.push(modulePath === undefined ? proof.reason : `with ${modulePath} ${proof.reason}`);
  }
  return { reason: reasons.join('; ') };
}

/** A refusal is believed for an hour: what the server lacked, say a library, may have come. */
const REFUSAL_MS = 3_600_000;

interface RememberedProof extends Proof {
  readonly at: number;
}

async function rememberedProof(
  serverPath: string,
  modulePath: string | undefined,
  cacheDir: string,
): Promise<Proof> {
  const cachePath = join(cacheDir, 'proven-servers.json');
  const key = [serverPath, modulePath].map(fingerprint).join(' ');
  const remembered = (await readCache(cachePath))[key];
  if (remembered && (remembered.works || Date.now() - remembered.at < REFUSAL_MS)) return remembered;
  const proof = await proveServer(serverPath, modulePath);
  if (proof.lasting) await remember(cachePath, key, { ...proof, at: Date.now() });
  return proof;
}

/** Changes whenever the file does. */
function fingerprint(path: string | undefined): string {
  if (path === undefined) return '-';
  const { size, mtimeMs } = statSync(path);
  return `${realpathSync(path)}:${size}:${mtimeMs}`;
}

async function remember(cachePath: string, key: string, proof: RememberedProof): Promise<void> {
  const part = `${cachePath}.${process.pid}`;
  try {
    makeFolder(dirname(cachePath), 0o700);
    await writeFile(part, JSON.stringify({ ...(await readCache(cachePath)), [key]: proof }, undefined, 2));
    await rename(part, cachePath);
  } catch {
    // Where nothing can be written, the server is proven each time: that is slower, not wrong.
  }
}

async function readCache(cachePath: string): Promise<Partial<Record<string, RememberedProof>>> {
  try {
    const cache: unknown = JSON.parse(await readFile(cachePath, 'utf8'));
    // Only `remember` writes this file.
    return typeof cache === 'object' && cache !== null ? (cache as Record<string, RememberedProof>) : {};
  } catch {
    return {};
  }
}
