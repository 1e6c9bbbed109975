import { isDeepStrictEqual } from 'node:util';
import { errorMessage } from '../errors.ts';
import { BYTES, type Client, openClient, type SocketPlace } from './open-client.ts';
import { openCluster } from './open-cluster.ts';
import type { RedisLocation } from './redis-url.ts';
import { askSentinels, requireMaster } from './sentinels.ts';
import type { Wire, WireOptions } from './wire.ts';
import { isReply, isUnsent } from './wire-error.ts';

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

async function findServer(
  location: Exclude<RedisLocation, { kind: 'cluster' }>,
  options: WireOptions,
): Promise<SocketPlace> {
  if (location.kind === 'socket') return { path: location.path };
  if (location.kind === 'sentinel') return { ...(await askSentinels(location, options)), tls: location.tls };
  return { ...location.address, tls: location.tls };
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
