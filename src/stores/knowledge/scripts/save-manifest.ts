import { defineScript } from '../../../redis/script.ts';

/**
 * Replaces a collection's manifest and the name of its index if it is still the one that was read, so that nothing declared meanwhile is lost
 * and a dropped collection does not come back by half.
 *
 * KEYS 1 the collection's hash. ARGV 1 created_at and 2 manifest as read, 3 the new manifest, 4 the index.
 * Returns 1 when saved, 0 when the collection is another one by now.
 */
export const SAVE_MANIFEST = defineScript(`
local stored = redis.call('HMGET', KEYS[1], 'created_at', 'manifest')
if stored[1] ~= ARGV[1] or stored[2] ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], 'manifest', ARGV[3], 'index', ARGV[4])
return 1
`);
