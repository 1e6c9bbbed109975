import { defineScript } from '../../../redis/script.ts';

/**
 * Records a collection unless its name is taken, so that of two creators at once one wins whole.
 *
 * KEYS 1 the collection's hash. ARGV field and value in turn. Returns 1 when created, 0 when the name was taken.
 */
export const CREATE_COLLECTION = defineScript(`
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('HSET', KEYS[1], unpack(ARGV))
return 1
`);
