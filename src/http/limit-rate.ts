import type { FastifyReply } from 'fastify';
import { StackloreError } from '../errors.ts';
import type { RateLimits } from '../stores/main/rate-limits.ts';
import type { ServeOptions } from './options.ts';

/** Counts a request of a client to an endpoint and tells the client where it stands. Throws `rate_limited`. */
export async function limitRate(
  rateLimits: RateLimits,
  { clientId, endpoint, reply }: { clientId: string; endpoint: string; reply: FastifyReply },
  { rateLimit: limit, rateWindowSeconds: windowSeconds }: ServeOptions,
): Promise<void> {
  if (limit === 0) return;
  const { allowed, remaining, resetSeconds, isDegraded } = await rateLimits.hit(clientId, endpoint, {
    limit,
    windowSeconds,
  });
  if (isDegraded) return;
  reply.header('ratelimit-limit', limit);
  reply.header('ratelimit-remaining', remaining);
  reply.header('ratelimit-reset', resetSeconds);
  if (allowed) return;
  reply.header('retry-after', Math.max(1, resetSeconds));
  throw new StackloreError('rate_limited', {
    message: `More than ${limit} requests in ${windowSeconds} seconds. Wait ${Math.max(1, resetSeconds)} seconds.`,
  });
}
