import { readFileSync } from 'node:fs';
import { createClient, RESP_TYPES } from 'redis';
import type { Config } from '../config.ts';
import { errorMessage, StackloreError } from '../errors.ts';
import { readPasswordFile } from './password-file.ts';
import type { Credentials, ServerAddress } from './redis-url.ts';
import type { WireOptions } from './wire.ts';
import { within } from './within.ts';

/** A client of one server. */
export type Client = Awaited<ReturnType<typeof openClient>>;
/** Where a server listens. */
export type SocketPlace = { readonly path: string } | (ServerAddress & { readonly tls: boolean });

/** Bulk replies as Buffers. */
export const BYTES = { [RESP_TYPES.BLOB_STRING]: Buffer } as const;
/** Deadlines are the connection's: the client's own cost a timer for each command and end when it is written. */
export const COMMAND_OPTIONS = { timeout: 0 } as const;

/** One node-redis client, connected. It never reconnects: what its queue held is then known to have failed. */
export async function openClient(place: SocketPlace, credentials: Credentials, options: WireOptions) {
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

/** The password itself, read from its file where one is named. */
export function passwordOf({ password, passwordFile }: Credentials): string | undefined {
  return passwordFile === undefined ? password : readPasswordFile(passwordFile);
}

/** What a TLS connection is opened with. Throws `invalid_config` for a file that cannot be read. */
export function tlsOptions({ caFile, certFile, keyFile, rejectUnauthorized }: Config['tls']) {
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
