import type { FastifyRequest } from 'fastify';
import { StackloreError } from '../errors.ts';

const LOOPBACK = ['localhost', '127.0.0.1', '[::1]'];
const UNSPECIFIED = ['0.0.0.0', '::', '[::]'];

/**
 * Refuses what a page of another site makes a browser send: a server on loopback is reachable by every page that its
 * user opens, by name (DNS rebinding) or by address (forged requests).
 */
export function guardOrigin({
  host,
  allowedHosts,
  corsOrigins,
}: {
  readonly host: string;
  readonly allowedHosts: readonly string[];
  readonly corsOrigins: readonly string[];
}): (request: FastifyRequest) => void {
  const own = host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
  const names = new Set([...LOOPBACK, own, ...allowedHosts].map((name) => name.toLowerCase()));
  // Bound to every address, it has names that nobody has told it.
  const isOpen = UNSPECIFIED.includes(host) && allowedHosts.length === 0;
  const others = new Set(corsOrigins.map((origin) => new URL(origin).origin));
  return ({ headers }) => {
    const called = headers.host ?? '';
    if (!isOpen && !names.has(nameOf(called))) {
      throw new StackloreError('not_found', {
        message: `This server does not go by the name "${nameOf(called)}". Allow it with --allowed-host, or use the address it listens on.`,
      });
    }
    const { origin } = headers;
    if (origin === undefined || others.has(origin)) return;
    if (URL.canParse(origin) && new URL(origin).host === called.toLowerCase()) return;
    throw new StackloreError('not_found', {
      message: 'Pages of other sites may not call this server. Allow theirs with --cors-origin.',
    });
  };
}

function nameOf(host: string): string {
  return host.replace(/:\d+$/, '').toLowerCase();
}
