import { createClient } from 'redis';
import type { PrivateRedis } from '../src/redis/private-redis.ts';

/** The longest PING of another client while some work is done, in milliseconds. */
export async function longestPing(
  { socketPath }: Pick<PrivateRedis, 'socketPath'>,
  work: () => Promise<unknown>,
): Promise<number> {
  const client = createClient({ socket: { path: socketPath, tls: false }, RESP: 2 });
  await client.connect();
  let worst = 0;
  let isRunning = true;
  const pinging = (async () => {
    while (isRunning) {
      const started = performance.now();
      await client.ping();
      worst = Math.max(worst, performance.now() - started);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  })();
  try {
    await work();
  } finally {
    isRunning = false;
    await pinging;
    client.destroy();
  }
  return worst;
}
