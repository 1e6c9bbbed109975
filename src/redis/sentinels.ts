import { errorMessage } from '../errors.ts';
import { type Client, openClient, passwordOf } from './open-client.ts';
import type { Credentials, RedisLocation, ServerAddress } from './redis-url.ts';
import type { WireOptions } from './wire.ts';
import { within } from './within.ts';

/** How long one sentinel may take to answer before the next is asked. */
const SENTINEL_TIMEOUT_MS = 1_000;

type SentinelLocation = Extract<RedisLocation, { kind: 'sentinel' }>;

/** The master's address as most sentinels have it that answer: one that was away may know an earlier master only. */
export async function askSentinels(location: SentinelLocation, options: WireOptions): Promise<ServerAddress> {
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

/** A sentinel that was away may name a server that is a replica by now, or one that is not yet the master. */
export async function requireMaster(
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
