import { StackloreError } from '../errors.ts';
import type { PasswordFile } from './password-file.ts';

/** Host and port of a server, a sentinel or a cluster node. */
export interface ServerAddress {
  readonly host: string;
  readonly port: number;
}

/** As whom to connect. */
export interface Credentials {
  readonly username?: string;
  readonly password?: string;
  /** Read for each connection; it wins over `password`. */
  readonly passwordFile?: PasswordFile;
}

interface UrlParts extends Credentials {
  /** The database number the URL names, if it does. */
  readonly number?: number;
}

/** Where Redis is: what a URL says, read. */
export type RedisLocation = UrlParts &
  (
    | { readonly kind: 'server'; readonly address: ServerAddress; readonly tls: boolean }
    | { readonly kind: 'socket'; readonly path: string }
    | {
        readonly kind: 'sentinel';
        readonly sentinels: readonly ServerAddress[];
        readonly master: string;
        readonly tls: boolean;
      }
    | { readonly kind: 'cluster'; readonly nodes: readonly ServerAddress[]; readonly tls: boolean }
    /** One address in front of several shards, as managed services have it. */
    | { readonly kind: 'sharded'; readonly address: ServerAddress; readonly tls: boolean }
  );

const URL_PARTS =
  /^(rediss?)(\+sentinel|\+cluster|\+sharded)?:\/\/(?:([^/?#]*)@)?([^/?#@]*)(\/[^?#]*)?(?:\?([^#]*))?(?:#.*)?$/;
const SOCKET_PARTS = /^unix:(?:\/\/(?:([^/@]*)@)?)?(\/[^?#]+)(?:\?([^#]*))?(?:#.*)?$/;
const SERVER_PORT = 6379;
const SENTINEL_PORT = 26_379;
const FORMS =
  'redis://[user:password@]host[:port][/number], rediss://…, unix:/path/to/redis.sock[?db=number], ' +
  'redis+sentinel://host:port,host:port/master-name[/number], redis+cluster://host:port,host:port or redis+sharded://host:port';

/** Reads a Redis URL. `setting` is named in the error. Throws `invalid_config`, which never quotes the password. */
export function parseRedisUrl(url: string, setting = 'The Redis URL'): RedisLocation {
  const fail = (problem: string): never => {
    throw new StackloreError('invalid_config', { message: `${setting} ${problem}. Give it as ${FORMS}.` });
  };
  if (url.startsWith('unix:')) return parseSocketUrl(url, fail);
  const match = URL_PARTS.exec(url) ?? fail('is not a Redis URL');
  const [, scheme, form, userInfo, hosts = '', path = '', query] = match;
  const tls = scheme === 'rediss';
  const names = path.split('/').filter((name) => name !== '');
  const credentials = parseUserInfo(userInfo, fail);
  if (form === '+sentinel') {
    const [master, last] = names;
    if (master === undefined || names.length > 2) return fail('must name the master after the sentinels');
    const sentinels = parseHosts(hosts, SENTINEL_PORT, fail);
    const number = parseNumber(last, query, fail);
    return { kind: 'sentinel', sentinels, master: decode(master, fail), tls, ...credentials, ...number };
  }
  if (names.length > 1) return fail('has more than a database number after the host');
  const number = parseNumber(names[0], query, fail);
  const addresses = parseHosts(hosts, SERVER_PORT, fail);
  if (form === '+cluster') return { kind: 'cluster', nodes: addresses, tls, ...credentials, ...number };
  const [address, second] = addresses;
  if (address === undefined || second !== undefined) return fail('names several hosts');
  const kind = form === '+sharded' ? 'sharded' : 'server';
  return { kind, address, tls, ...credentials, ...number };
}

/** Whether a transaction or a script there takes keys of one slot only. */
export function isSlotted({ kind }: RedisLocation): boolean {
  return kind === 'cluster' || kind === 'sharded';
}

/** A location for messages and `stacklore status`: without credentials. */
export function displayLocation(location: RedisLocation, number: number): string {
  switch (location.kind) {
    case 'socket':
      return `unix:${location.path}${number === 0 ? '' : `?db=${number}`}`;
    case 'server':
      return `${location.tls ? 'rediss' : 'redis'}://${displayAddress(location.address)}/${number}`;
    case 'sharded':
      return `${location.tls ? 'rediss' : 'redis'}+sharded://${displayAddress(location.address)}`;
    case 'sentinel': {
      const sentinels = location.sentinels.map(displayAddress).join(',');
      return `${location.tls ? 'rediss' : 'redis'}+sentinel://${sentinels}/${location.master}/${number}`;
    }
    case 'cluster':
      return `${location.tls ? 'rediss' : 'redis'}+cluster://${location.nodes.map(displayAddress).join(',')}`;
  }
}

type Fail = (problem: string) => never;

function parseSocketUrl(url: string, fail: Fail): RedisLocation {
  const match = SOCKET_PARTS.exec(url) ?? fail('does not name an absolute socket path');
  const [, userInfo, path = '', query] = match;
  const credentials = parseUserInfo(userInfo, fail);
  return { kind: 'socket', path: decode(path, fail), ...credentials, ...parseNumber(undefined, query, fail) };
}

function parseUserInfo(userInfo: string | undefined, fail: Fail): Pick<UrlParts, 'username' | 'password'> {
  if (userInfo === undefined || userInfo === '') return {};
  const colon = userInfo.indexOf(':');
  const username = decode(colon < 0 ? userInfo : userInfo.slice(0, colon), fail);
  const password = colon < 0 ? '' : decode(userInfo.slice(colon + 1), fail);
  return { ...(username === '' ? {} : { username }), ...(password === '' ? {} : { password }) };
}

function parseHosts(hosts: string, defaultPort: number, fail: Fail): ServerAddress[] {
  return hosts.split(',').map((text) => {
    const match =
      /^(?:\[([0-9A-Fa-f:.%]+)\]|([^:[\]\s]*))(?::(\d{1,5}))?$/.exec(text) ??
      fail('has a host that cannot be read');
    const [, ipv6, name, port] = match;
    const number = port === undefined ? defaultPort : Number(port);
    if (number < 1 || number > 65_535) return fail('has a port that is not between 1 and 65535');
    if (hosts.includes(',') && !ipv6 && !name) return fail('has an empty host between its commas');
    return { host: ipv6 ?? (name || 'localhost'), port: number };
  });
}

function parseNumber(
  name: string | undefined,
  query: string | undefined,
  fail: Fail,
): Pick<UrlParts, 'number'> {
  const text = name ?? new URLSearchParams(query ?? '').get('db');
  if (text === null) return {};
  if (!/^\d{1,5}$/.test(text)) return fail('has a database number that is not a number');
  return { number: Number(text) };
}

function decode(text: string, fail: Fail): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return fail('has a "%" that starts no escape (write it as %25)');
  }
}

function displayAddress({ host, port }: ServerAddress): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
