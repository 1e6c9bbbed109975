import { hash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';

/** Who may reach a server. */
export interface GuardOptions {
  /** The address it listens on. */
  readonly host: string;
  /** Further host names it is reached by. */
  readonly allowedHosts?: readonly string[];
  /** What every request must bear; none: anyone who can reach it. */
  readonly token?: string;
}

/** Why a request is refused, as an HTTP status and a sentence. */
export interface Refusal {
  readonly status: 401 | 403;
  readonly message: string;
}

const LOOPBACK = ['localhost', '127.0.0.1', '[::1]'];

/** Whether an address can be reached from this machine alone. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

/**
 * Looks at the headers of a request. A web page can make a browser send requests here, under a name of its own that it lets
 * point to this machine: so `Host`, and `Origin` where a browser sends it, must be names of this server.
 */
export function refuse(headers: IncomingHttpHeaders, options: GuardOptions): Refusal | undefined {
  if (!isNameOfOurs(hostNameOf(`http://${headers.host ?? ''}`), options)) {
    return {
      status: 403,
      message: 'The Host header is no name of this server. Allow it with --allowed-host.',
    };
  }
  if (headers.origin !== undefined && !isNameOfOurs(hostNameOf(headers.origin), options)) {
    return { status: 403, message: 'Requests of web pages from elsewhere are refused (Origin header).' };
  }
  if (options.token !== undefined && !isBearer(headers.authorization, options.token)) {
    return { status: 401, message: 'Give the token of this server: Authorization: Bearer <token>.' };
  }
  return undefined;
}

/** Whether a host name, in lower case and brackets where it is IPv6, is one that this server is called by. */
export function isNameOfOurs(
  name: string | undefined,
  { host, allowedHosts = [] }: Pick<GuardOptions, 'host' | 'allowedHosts'>,
): boolean {
  if (name === undefined) return false;
  if ([...LOOPBACK, host.toLowerCase(), ...allowedHosts].includes(name)) return true;
  // Listening elsewhere, it has addresses nobody told us; only a name can be made to point to another machine.
  return !isLoopback(host) && isIP(name.replace(/^\[|\]$/g, '')) !== 0;
}

function hostNameOf(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).hostname || undefined : undefined;
}

function isBearer(authorization: string | undefined, token: string): boolean {
  const [, given] = /^Bearer +(\S+) *$/i.exec(authorization ?? '') ?? [];
  // Digests have one length, and comparing them takes one time, whatever was given.
  const digest = (text: string) => hash('sha256', text, 'buffer');
  return given !== undefined && timingSafeEqual(digest(given), digest(token));
}
