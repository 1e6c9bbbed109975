import { defineScript } from '../../../redis/script.ts';

/**
 * Bumps the corpus version of a collection whose chunks were changed outside a publish, unless it was dropped
 * meanwhile: a counter alone would be half a collection.
 *
 * KEYS 1 the collection's hash. Returns 1 when bumped.
 */
export const BUMP_VERSION = defineScript(`
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('HINCRBY', KEYS[1], 'version', 1)
return 1
`);
