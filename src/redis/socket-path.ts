import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A longer path does not fit into a unix socket's address, and the server refuses it. */
export const MAX_SOCKET_PATH_BYTES = 107;

/** Where `mkdtemp` may make a folder whose socket paths stay short: a prefix ending in `stacklore-`. */
export function shortFolderPrefix(): string {
  const wanted = join(tmpdir(), 'stacklore-');
  return fitsSocket(`${wanted}XXXXXX/redis.sock`) ? wanted : '/tmp/stacklore-';
}

/** Whether a server can listen at this path. */
export function fitsSocket(path: string): boolean {
  return Buffer.byteLength(path) <= MAX_SOCKET_PATH_BYTES;
}
