import { defineScript } from '../../../redis/script.ts';

/**
 * Deletes lists, and sorted sets, and tells how long they were. A key of another type is refused before any is deleted.
 *
 * KEYS the keys. ARGV for each the command that counts it, LLEN or ZCARD. Returns the counts.
 */
export const PURGE_QUEUE = defineScript(`
local counts = {}
for at, key in ipairs(KEYS) do counts[at] = redis.call(ARGV[at], key) end
redis.call('UNLINK', unpack(KEYS))
return counts
`);
