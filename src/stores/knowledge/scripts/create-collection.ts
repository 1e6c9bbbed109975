import { defineScript } from '../../../redis/script.ts';

/**
 * Records a collection unless its name is taken, so that of two creators at once one wins whole.
 *
 * KEYS 1 the collection's hash, 2 the sorted set of all collections.
 * ARGV 1 name, 2 creation in Unix seconds, then field and value in turn.
 * Returns 1 when created, 0 when the name was taken.
 */
export const CREATE_COLLECTION = defineScript(`
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('HSET', KEYS[1], unpack(ARGV, 3))
redis.call('ZADD', KEYS[2], ARGV[2], ARGV[1])
return 1
`);
