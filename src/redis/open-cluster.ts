import { ConnectionTimeoutError, createCluster, MultiErrorReply } from 'redis';
import { firstKey, type Place, type RedisArgument, type RedisCommand } from './command.ts';
import { BYTES, COMMAND_OPTIONS, passwordOf, tlsOptions } from './open-client.ts';
import type { RedisLocation, ServerAddress } from './redis-url.ts';
import type { Wire, WireOptions } from './wire.ts';
import { isReply, isUnsent } from './wire-error.ts';
import { within } from './within.ts';

type ClusterSocket = NonNullable<Parameters<typeof createCluster>[0]['rootNodes'][number]['socket']>;

/** A node that refuses is tried again this often by those who wait for it: with each new connection all nodes are asked for the masters. */
const NODE_ATTEMPTS = 3;

/** Opens a connection to a cluster by whichever of the named nodes answers. */
export async function openCluster(
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
    connectTimeout: options.connectTimeoutMs,
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
