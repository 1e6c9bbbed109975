import { defineScript } from '../../redis/script.ts';

/**
 * Enters somebody who brings records in key by key, or renews the entry; entries that have run out go.
 *
 * KEYS 1 who brings records in, by the Unix second at which each entry runs out. ARGV 1 who, 2 seconds that the entry holds;
 * up to one more, since a second that has begun does not count.
 */
export const HOLD_ARRIVALS = defineScript(`
local now = tonumber(redis.call('TIME')[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('ZADD', KEYS[1], now + ARGV[2] + 1, ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[2] + 1)
return 1
`);

/** Lua for scripts that delete what nothing refers to: whether somebody brings records in, by the clock of the server. */
export const ARRIVING = `
local function arriving(key)
  return redis.call('ZCOUNT', key, '(' .. redis.call('TIME')[1], '+inf') > 0
end
`;

/** KEYS 1 who brings records in. Returns 1 when somebody does, else 0. */
export const FIND_ARRIVALS = defineScript(`${ARRIVING}return arriving(KEYS[1]) and 1 or 0`);
