import { defineScript } from '../../../redis/script.ts';
import { conversationRecord } from '../../../schema/main.ts';
import { USER_INDEX } from './user-index.ts';

/**
 * Appends messages and renews the TTL of the conversation and of the entries that link it to its users.
 *
 * KEYS where the conversation may be, last where a new one is written, then the sorted set of its users.
 * ARGV 1 conversation id, 2 the user whose conversation it must be or empty, then the messages.
 * Returns how many messages the conversation has, or nothing when it is not that user's.
 */
export const APPEND_MESSAGES = defineScript(`
local users, key = KEYS[#KEYS], KEYS[#KEYS - 1]
if ARGV[2] ~= '' then
  local expiry = redis.call('ZSCORE', users, ARGV[2])
  if not expiry or tonumber(expiry) <= redis.call('TIME')[1] * 1000 then return false end
end
for at = 1, #KEYS - 2 do
  if redis.call('EXISTS', KEYS[at]) == 1 then
    key = KEYS[at]
    break
  end
end
local linked = redis.call('ZRANGE', users, 0, -1)
if #linked > 0 then
${USER_INDEX}
  -- Fails on a key of another type before anything is written.
  redis.call('LLEN', key)
  local now = now_ms()
  for _, user in ipairs(linked) do link(user, ARGV[1], now) end
end
-- In parts: Lua's stack holds some 8,000 values.
local length
for from = 3, #ARGV, 1000 do
  length = redis.call('RPUSH', key, unpack(ARGV, from, math.min(#ARGV, from + 999)))
end
redis.call('EXPIRE', key, ${conversationRecord.ttlSeconds})
return length
`);
