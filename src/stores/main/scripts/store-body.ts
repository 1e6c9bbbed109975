import { defineScript } from '../../../redis/script.ts';

/**
 * Keeps a computed body and gives its lock back, if that is still the caller's: who lost it to an invalidation, or by
 * being too slow, has an answer that may be older than what is there now.
 *
 * KEYS 1 the lock, 2 and on the places of the body. ARGV 1 the caller's token, 2 the body, 3 its TTL in seconds.
 * Returns 1 when kept.
 */
export const STORE_BODY = defineScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
local place = KEYS[#KEYS]
for at = 2, #KEYS - 1 do
  if redis.call('EXISTS', KEYS[at]) == 1 then place = KEYS[at] end
end
redis.call('SET', place, ARGV[2], 'EX', ARGV[3])
redis.call('UNLINK', KEYS[1])
return 1
`);
