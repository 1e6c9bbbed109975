import { defineScript } from '../../../redis/script.ts';
import { conversationRecord } from '../../../schema/main.ts';
import { USER_INDEX } from './user-index.ts';

const PUSH_LUA = `
-- In parts: Lua's stack holds some 8,000 values.
local length
for from = 3, #ARGV, 1000 do
  length = redis.call('RPUSH', key, unpack(ARGV, from, math.min(#ARGV, from + 999)))
end
redis.call('EXPIRE', key, ${conversationRecord.ttlSeconds})
return length
`;

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
${PUSH_LUA}`);

/**
 * Who a conversation is linked to: of a cluster, where its users lie in another slot than its messages.
 *
 * KEYS 1 the sorted set of its users. ARGV 1 the user whose conversation it must be or empty.
 * Returns the users, or nothing when it is not that user's.
 */
export const LINKED_USERS = defineScript(`
if ARGV[1] ~= '' then
  local expiry = redis.call('ZSCORE', KEYS[1], ARGV[1])
  if not expiry or tonumber(expiry) <= redis.call('TIME')[1] * 1000 then return false end
end
return redis.call('ZRANGE', KEYS[1], 0, -1)
`);

/**
 * Appends messages to a conversation and renews its TTL, without a look at its users.
 *
 * KEYS 1 the conversation. ARGV 1 unused, 2 `1` when it must be there still, then the messages.
 * Returns how many messages it has, or nothing when it is gone.
 */
export const APPEND_ALONE = defineScript(`
local key = KEYS[1]
if ARGV[2] == '1' and redis.call('EXISTS', key) == 0 then return false end
${PUSH_LUA}`);
