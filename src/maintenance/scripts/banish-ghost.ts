import { defineScript } from '../../redis/script.ts';

/**
 * Takes keys out of the index that do not exist in its database, by writing and deleting each at once; one that exists
 * is left alone.
 *
 * KEYS the keys. Returns how many did not exist.
 */
export const BANISH_GHOST = defineScript(`
local count = 0
for _, key in ipairs(KEYS) do
  if redis.call('EXISTS', key) == 0 then
    redis.call('HSET', key, 'source', '')
    redis.call('UNLINK', key)
    count = count + 1
  end
end
return count
`);
