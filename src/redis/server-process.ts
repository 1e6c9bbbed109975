import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs';
import type { ServerFiles } from '../provision/redis-pair.ts';

/** What a server that stacklore starts itself is told; every other setting is the server's own default. */
export interface ServerSettings {
  readonly files: ServerFiles;
  /** Folder of its data. */
  readonly dir: string;
  readonly socketPath: string;
  /** Loopback TCP port; 0 opens none. */
  readonly port?: number;
}

/**
 * So many chunks an index that is being built takes in before it lets commands have their turn. By default it is 100: with half a
 * million in HNSW, where each takes 2 ms, every command waited 0.2 s. Fewer lengthen the building of FLAT after a start.
 */
const CHUNKS_IN_A_ROW = '25';

/**
 * A slow query fails instead of giving a part of its hits. And what changed chunks leave behind is cleared however little
 * it is: until then the module counts it, and takes a word that half of the chunks hold for one that is rarer than any.
 */
const MODULE_SETTINGS = [
  ...['ON_TIMEOUT', 'FAIL', 'FORK_GC_CLEAN_THRESHOLD', '1'],
  ...['BG_INDEX_SLEEP_GAP', CHUNKS_IN_A_ROW],
];

/**
 * Hashes of longer values are kept as a table of many small allocations. A chunk packed into one takes about 270 bytes less,
 * a fifth less time to write and 40 % less to read; 8 kB hold the vectors and texts of usual models.
 */
const LONGEST_PACKED_BYTES = '8192';

/**
 * The arguments that start a server. Each write is in the AOF within a second; a snapshot is written at shutdown only,
 * so that no fork disturbs a running search. It is not compressed: a quarter larger, it loads in 60 % of the time. `bind` holds even where no port is open: one opened later stays on
 * loopback.
 */
export function serverArguments({ files, dir, socketPath, port = 0 }: ServerSettings): string[] {
  return [
    ...['--port', String(port), '--bind', '127.0.0.1', '--protected-mode', 'yes'],
    ...['--unixsocket', socketPath, '--unixsocketperm', '700'],
    ...['--daemonize', 'no', '--dir', dir, '--dbfilename', 'dump.rdb'],
    ...['--appendonly', 'yes', '--appendfsync', 'everysec', '--aof-use-rdb-preamble', 'yes'],
    ...[
      '--rdbcompression',
      'no',
      '--save',
      '',
      '--shutdown-on-sigterm',
      'save',
      '--shutdown-on-sigint',
      'save',
    ],
    ...['--maxmemory-policy', 'noeviction', '--hash-max-listpack-value', LONGEST_PACKED_BYTES],
    ...(files.modulePath === undefined ? [] : ['--loadmodule', files.modulePath, ...MODULE_SETTINGS]),
  ];
}

/** How much a log holds now; the lines written after this point belong to the next start. */
export function logSize(logPath: string): number {
  if (!existsSync(logPath)) return 0;
  return withFile(logPath, (file) => fstatSync(file).size);
}

const TAIL_BYTES = 16 * 1024;
const TAIL_LINES = 20;

/** The last lines a server wrote to its log after byte `from`; empty when it wrote none. */
export function logTail(logPath: string, from = 0): string {
  if (!existsSync(logPath)) return '';
  const text = withFile(logPath, (file) => {
    const { size } = fstatSync(file);
    const start = Math.max(Math.min(from, size), size - TAIL_BYTES);
    const bytes = Buffer.alloc(size - start);
    readSync(file, bytes, 0, bytes.length, start);
    return bytes.toString('utf8');
  });
  return text.trimEnd().split('\n').slice(-TAIL_LINES).join('\n');
}

function withFile<T>(path: string, read: (file: number) => T): T {
  const file = openSync(path, 'r');
  try {
    return read(file);
  } finally {
    closeSync(file);
  }
}

const REMEDIES: readonly (readonly [RegExp, string])[] = [
  [
    /spawn .*(ENOENT|EACCES|ENOEXEC)/,
    'The server binary cannot be started: check the path given with STACKLORE_SERVER.',
  ],
  [/No space left on device/i, 'The disk is full: free some space, then run the command again.'],
  [
    /(GLIBC|libc\.musl|libssl|libcrypto|shared librar|No such file or directory: .*ld-)/,
    'The server binary does not run on this system: give another with STACKLORE_SERVER, or name a server with REDIS_URL.',
  ],
  [
    /(Bad file format reading the append only file|Unexpected end of file reading the append only file|AOF .*(doesn't exist|corrupt))/i,
    'Its append-only file is damaged: the lines above name the place. Keep a copy of the folder, then repair the file with redis-check-aof --fix, or restore a copy.',
  ],
  [
    /(Can't handle RDB format|RDB file contains AUX module data|short read or OOM|Wrong signature|Fatal error loading the DB)/i,
    'Its data cannot be read by this server: start the server version that wrote it, or restore a copy of the folder.',
  ],
  [/Permission denied/i, 'A file or folder may not be used by this user: correct its owner or permissions.'],
  [/Address already in use/i, 'The port is taken by another program: choose another.'],
  [
    /Bad directive|FATAL CONFIG FILE ERROR/i,
    'The server is too old or refuses an argument: Redis 7.1 or newer is needed.',
  ],
  [
    /Module .* failed to load|Can't load module/i,
    'The search module does not fit this server: give another pair with STACKLORE_SERVER, or name a server with REDIS_URL.',
  ],
];

/** What to do about a server that died, judged by its own words. */
export function remedyFor(log: string): string {
  const known = REMEDIES.find(([pattern]) => pattern.test(log));
  return known?.[1] ?? 'Correct what its log says, or name a running server with REDIS_URL.';
}
