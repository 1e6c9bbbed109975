import { defineScript } from '../../../redis/script.ts';

/**
 * Gives a fact its embedding if it still says what was embedded: one that was changed or deleted meanwhile is left
 * alone.
 *
 * KEYS 1 the fact. ARGV 1 its content as read, then field and value in turn. Returns 1 when written.
 */
export const EMBED_FACT = defineScript(`
if redis.call('HGET', KEYS[1], 'content') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
return 1
`);
