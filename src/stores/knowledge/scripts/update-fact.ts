import { defineScript } from '../../../redis/script.ts';

/**
 * Changes fields of a fact that exists, so that one deleted meanwhile does not come back by half.
 *
 * KEYS where a fact of this id may be. ARGV 1 how many fields to reply with, then their names, then field and value
 * in turn of what changes. Returns the key and the values of those fields afterwards, or nil when there is no such fact.
 */
export const UPDATE_FACT = defineScript(`
local shown = tonumber(ARGV[1])
for _, key in ipairs(KEYS) do
  if redis.call('EXISTS', key) == 1 then
    redis.call('HSET', key, unpack(ARGV, shown + 2))
    return { key, redis.call('HMGET', key, unpack(ARGV, 2, shown + 1)) }
  end
end
return false
`);
