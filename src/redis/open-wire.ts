import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import {
  ClientClosedError,
  ConnectionTimeoutError,
  createClient,
  createCluster,
  ErrorReply,
  MaxCommandRedirectionsError,
  MultiErrorReply,
  RESP_TYPES,
  RootNodesUnavailableError,
} from 'redis';
import type { Config } from '../config.ts';
import { errorMessage, StackloreError } from '../errors.ts';
import { firstKey, type Place, type RedisArgument, type RedisCommand } from './command.ts';
import { readPasswordFile } from './password-file.ts';
import type { Credentials, RedisLocation, ServerAddress } from './redis-url.ts';
import type { Wire } from './wire.ts';

export interface WireOptions {
  readonly number: number;
  readonly clientName: string;
  readonly tls: Config['tls'];
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Called when the connection ends by itself. */
  readonly onEnd: () => void;
}

type Client = Awaited<ReturnType<typeof openClient>>;
type ClusterSocket = NonNullable<Parameters<typeof createCluster>[0]['rootNodes'][number]['socket']>;
type SocketPlace = { readonly path: string } | (ServerAddress & { readonly tls: boolean });

/** How long one sentinel may take to answer before the next is asked. */
const SENTINEL_TIMEOUT_MS = 1_000;
/** A node that refuses is tried again this often by those who wait for it: with each new connection all nodes are asked for the masters. */
const NODE_ATTEMPTS = 3;
const BYTES = { [RESP_TYPES.BLOB_STRING]: Buffer } as const;
/** Deadlines are the connection's: the client's own cost a timer for each command and end when it is written. */
const COMMAND_OPTIONS = { timeout: 0 } as const;

/** True for an error Redis replied with, false for anything that broke on the way. */
export function isReply(error: unknown): boolean {
  return error instanceof ErrorReply || error instanceof MaxCommandRedirectionsError;
}

function isUnsent(error: unknown): boolean {
  if (error instanceof ClientClosedError || error instanceof ConnectionTimeoutError) return true;
  // They are asked for when a node had refused the command as not its own.
  if (error instanceof RootNodesUnavailableError) return true;
  // Of a name with several addresses each was tried.
  if (error instanceof AggregateError) return error.errors.every(isUnsent);
  const { syscall = '' } = error as NodeJS.ErrnoException; // of what the network says; others have none
  return syscall === 'connect' || syscall === 'getaddrinfo';
}

/** Opens a connection; one attempt, each step of it within `timeoutMs`. */
export async function openWire(location: RedisLocation, options: WireOptions): Promise<Wire> {
  if (location.kind === 'cluster') return openCluster(location, options);
  const place = await findServer(location, options);
  const client = await openClient(place, location, options);
  const wire = clientWire(client, location);
  if (location.kind !== 'sentinel' || 'path' in place) return wire;
  await requireMaster(client, place, options);
  return {
    ...wire,
    isSuperseded: async () => !isDeepStrictEqual(await findServer(location, options), place),
  };
}

/** A sentinel that was away may name a server that is a replica by now, or one that is not yet the master. */
async function requireMaster(
  client: Client,
  { host, port }: ServerAddress,
  options: WireOptions,
): Promise<void> {
  try {
    const role = within(options.timeoutMs, options.signal, client.sendCommand<unknown[]>(['ROLE']));
    const [name] = await role.catch((error: unknown) => {
      if (/^NOPERM/.test(errorMessage(error))) return ['master']; // its writes will tell
      throw error;
    });
    if (name !== 'master') throw new Error(`the sentinels name ${host}:${port}, which is no master`);
  } catch (error) {
    client.destroy();
    throw error;
  }
}

async function findServer(
  location: Exclude<RedisLocation, { kind: 'cluster' }>,
  options: WireOptions,
): Promise<SocketPlace> {
  if (location.kind === 'socket') return { path: location.path };
  if (location.kind === 'sentinel') return { ...(await askSentinels(location, options)), tls: location.tls };
  return { ...location.address, tls: location.tls };
}

type SentinelLocation = Extract<RedisLocation, { kind: 'sentinel' }>;

/** The master's address as most sentinels have it that answer: one that was away may know an earlier master only. */
async function askSentinels(location: SentinelLocation, options: WireOptions): Promise<ServerAddress> {
  const { sentinels, master } = location;
  const failures: unknown[] = [];
  const votes = new Map<string, { readonly address: ServerAddress; count: number }>();
  const enough = Math.floor(sentinels.length / 2) + 1;
  return new Promise((resolve, reject) => {
    let open = sentinels.length;
    const end = () => {
      const [best] = [...votes.values()].sort((one, other) => other.count - one.count);
      if (best && (open === 0 || best.count >= enough)) return resolve(best.address);
      if (open > 0) return;
      reject(new Error(`no sentinel names a master "${master}" (${failures.map(errorMessage).join('; ')})`));
    };
    for (const sentinel of sentinels) {
      askSentinel(sentinel, location, options)
        .then(
          (address) => {
            const key = `${address.host} ${address.port}`;
            votes.set(key, { address, count: (votes.get(key)?.count ?? 0) + 1 });
          },
          (error: unknown) => failures.push(error),
        )
        .finally(() => {
          open -= 1;
          end();
        });
    }
  });
}

async function askSentinel(
  sentinel: ServerAddress,
  location: SentinelLocation,
  options: WireOptions,
): Promise<ServerAddress> {
  const timeoutMs = Math.min(options.timeoutMs, SENTINEL_TIMEOUT_MS);
  const place = { ...sentinel, tls: location.tls };
  const question = ['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', location.master];
  const ask = async (credentials: Credentials): Promise<unknown> => {
    const client = await openClient(place, credentials, {
      ...options,
      number: 0,
      timeoutMs,
      onEnd: () => {},
    });
    try {
      return await within(timeoutMs, options.signal, client.sendCommand(question));
    } finally {
      client.destroy();
    }
  };
  // Sentinels seldom have a password; where they have, it is taken to be that of the servers.
  const answer = await ask({}).catch((error: unknown) => {
    if (/^NOAUTH/.test(errorMessage(error)) && passwordOf(location) !== undefined) return ask(location);
    throw error;
  });
  if (!Array.isArray(answer))
    throw new Error(`the sentinel at ${sentinel.host}:${sentinel.port} knows no such master`);
  return { host: String(answer[0]), port: Number(answer[1]) };
}

function passwordOf({ password, passwordFile }: Credentials): string | undefined {
  return passwordFile === undefined ? password : readPasswordFile(passwordFile);
}

/** One node-redis client, connected. It never reconnects: what its queue held is then known to have failed. */
async function openClient(place: SocketPlace, credentials: Credentials, options: WireOptions) {
  const { username } = credentials;
  const password = passwordOf(credentials);
  const client = createClient({
    RESP: 2,
    maintNotifications: 'disabled',
    commandOptions: COMMAND_OPTIONS,
    database: options.number,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    socket: { ...socketOptions(place, options), connectTimeout: options.timeoutMs, reconnectStrategy: false },
  });
  client.on('error', () => {}); // the command, or the attempt to connect, reports it
  client.on('terminated', options.onEnd);
  try {
    await within(options.timeoutMs, options.signal, client.connect());
  } catch (error) {
    client.destroy();
    throw error;
  }
  // Only for CLIENT LIST: a user who may not set a name may still use the database.
  client.sendCommand(['CLIENT', 'SETNAME', options.clientName]).catch(() => {});
  return client;
}

function socketOptions(place: SocketPlace, { tls }: WireOptions) {
  if ('path' in place) return { path: place.path, tls: false as const };
  return place.tls
    ? { host: place.host, port: place.port, ...tlsOptions(tls), tls: true as const }
    : { host: place.host, port: place.port };
}

function clientWire(client: Client, { kind }: RedisLocation): Wire {
  const byteClient = client.withTypeMapping(BYTES);
  return {
    send: (command, buffers) => (buffers ? byteClient : client).sendCommand(command),
    // Sent within one turn of the event loop, so nothing comes in between; a lost connection discards what it queued.
    transact: async (commands, buffers) => {
      const queued: Promise<unknown>[] = [client.sendCommand(MULTI)];
      for (const command of commands) queued.push(client.sendCommand(command));
      const [replies] = await Promise.all([
        (buffers ? byteClient : client).sendCommand<unknown[]>(EXEC),
        ...queued,
      ]);
      return replies;
    },
    isReply,
    isUnsent,
    // Behind sentinels, and behind a name, another server may be the one that takes writes by now.
    isStale: (error) =>
      kind !== 'socket' && /^(EXECABORT .*: )?-?(READONLY|UNBLOCKED) /.test(errorMessage(error)),
    destroy: () => client.destroy(),
  };
}

const MULTI = ['MULTI'];
const EXEC = ['EXEC'];

async function openCluster(
  location: Extract<RedisLocation, { kind: 'cluster' }>,
  options: WireOptions,
): Promise<Wire> {
  const { tls } = location;
  // Asked for each node's connection, as the client opens further ones by itself.
  const credentials = async () => {
    const { username } = location;
    const password = passwordOf(location);
    return {
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
    };
  };
  await credentials(); // what is wrong with the file is told better here than by the client
  const socket = (address: ServerAddress | undefined): ClusterSocket => ({
    ...(address ?? {}),
    ...(tls ? { ...tlsOptions(options.tls), tls: true as const } : {}),
    connectTimeout: options.timeoutMs,
    reconnectStrategy: (attempts, cause) =>
      attempts < NODE_ATTEMPTS && !(cause instanceof ConnectionTimeoutError) && 50 * 2 ** attempts,
  });
  const cluster = createCluster({
    RESP: 2,
    commandOptions: COMMAND_OPTIONS,
    // Each node is connected to by its first command: one that is down holds up only what is for it.
    minimizeConnections: true,
    rootNodes: location.nodes.map((node) => ({ socket: socket(node) })),
    defaults: {
      maintNotifications: 'disabled',
      name: options.clientName,
      credentialsProvider: { type: 'async-credentials-provider', credentials },
      socket: socket(undefined),
    },
  });
  cluster.on('error', () => {}); // the command, or the attempt to connect, reports it
  try {
    await within(options.timeoutMs, options.signal, cluster.connect());
  } catch (error) {
    cluster.destroy();
    throw error;
  }
  const byteCluster = cluster.withTypeMapping(BYTES);
  const clientAt = async (at: Place | undefined) => {
    if (at && 'key' in at) return cluster.getNodeClientForKey(at.key);
    const node = at ? cluster.masters.find(({ address }) => address === at.master) : cluster.masters[0];
    if (!node) throw new Error(`${at?.master ?? 'every node'} has left the cluster`);
    return cluster.nodeClient(node);
  };
  const sendToNode = async (command: RedisCommand, buffers: boolean, at?: Place): Promise<unknown> => {
    const client = await clientAt(at);
    return (buffers ? client.withTypeMapping(BYTES) : client).sendCommand(command);
  };
  return {
    send: (command, buffers, at) => {
      // The client would put the replies of all nodes together, which makes no sense of what a server tells of itself.
      if (at || command[0] === 'INFO') return sendToNode(command, buffers, at);
      return (buffers ? byteCluster : cluster).sendCommand(
        firstKey(command),
        false,
        command as RedisArgument[],
      );
    },
    masters: () => cluster.masters.map(({ address }) => address),
    transact: (commands, buffers) => {
      const multi = (buffers ? byteCluster : cluster).multi(
        commands.map(firstKey).find((key) => key !== undefined),
      );
      for (const command of commands) multi.addCommand(firstKey(command), false, command as RedisArgument[]);
      return multi.exec().catch((error: unknown) => {
        if (error instanceof MultiErrorReply) return error.replies;
        throw error;
      });
    },
    isReply,
    isUnsent,
    isStale: () => false,
    destroy: () => cluster.destroy(),
  };
}

function tlsOptions({ caFile, certFile, keyFile, rejectUnauthorized }: Config['tls']) {
  return {
    rejectUnauthorized,
    ...(caFile === undefined ? {} : { ca: readTlsFile(caFile, 'tls.caFile (STACKLORE_TLS_CA_FILE)') }),
    ...(certFile === undefined
      ? {}
      : { cert: readTlsFile(certFile, 'tls.certFile (STACKLORE_TLS_CERT_FILE)') }),
    ...(keyFile === undefined ? {} : { key: readTlsFile(keyFile, 'tls.keyFile (STACKLORE_TLS_KEY_FILE)') }),
  };
}

function readTlsFile(path: string, setting: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new StackloreError('invalid_config', {
      message: `${setting} names a file that cannot be read (${errorMessage(cause)}). Correct the path or its permissions.`,
      cause,
    });
  }
}

/** A promise's value, unless it takes too long or is no longer wanted. */
async function within<T>(timeoutMs: number, signal: AbortSignal, promise: Promise<T>): Promise<T> {
  signal.throwIfAborted();
  return new Promise<T>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    const abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort);
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
    };
    promise.finally(end).then(resolve, reject);
  });
}
