import { defineScript } from '../../../redis/script.ts';

/**
 * The ids in a user's index, those that expire last first, after the expired ones are removed from it.
 *
 * KEYS 1 the index. ARGV 1 and 2 first and last position.
 * Returns how many there are and the ids at these positions.
 */
export const LIST_LIVE = defineScript(`
local time = redis.call('TIME')
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', '(' .. time[1] .. '000')
return { redis.call('ZCARD', KEYS[1]), redis.call('ZREVRANGE', KEYS[1], ARGV[1], ARGV[2]) }
`);
