import type { FastifyRequest } from 'fastify';
import { StackloreError } from '../errors.ts';
import { isNameOfOurs } from '../mcp/http-guard.ts';

/**
 * Refuses what a page of another site makes a browser send: a server on loopback is reachable by every page that its
 * user opens, by name (DNS rebinding) or by address (forged requests).
 */
export function guardOrigin({
  corsOrigins,
  ...names
}: {
  readonly host: string;
  readonly allowedHosts: readonly string[];
  readonly corsOrigins: readonly string[];
}): (request: FastifyRequest) => void {
  const others = new Set(corsOrigins);
  return ({ headers: { host: called = '', origin } }) => {
    const name = URL.canParse(`http://${called}`) ? new URL(`http://${called}`).hostname : '';
    if (!isNameOfOurs(name, names)) {
      throw new StackloreError('not_found', {
        message: `This server does not go by the name "${name}". Allow it with --allowed-host, or use the address it listens on.`,
      });
    }
    if (origin === undefined || others.has(origin)) return;
    if (URL.canParse(origin) && new URL(origin).host === called.toLowerCase()) return;
    throw new StackloreError('not_found', {
      message: 'Pages of other sites may not call this server. Allow theirs with --cors-origin.',
    });
  };
}
