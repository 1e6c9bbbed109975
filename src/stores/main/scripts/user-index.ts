import { defineScript } from '../../../redis/script.ts';
import {
  conversationUsersRecord,
  userConversationsRecord,
  userSessionsRecord,
} from '../../../schema/main.ts';

/** Lua functions that enter a member in a sorted set scored by expiry, see `USER_INDEX`. */
const ENTER_LUA = `
local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function enter(key, member, now, ttl)
  local added = redis.call('ZADD', key, ('%.0f'):format(now + ttl * 1000), member)
  redis.call('EXPIRE', key, ttl)
  -- As often as it grows: so it never holds more than what is live.
  if added == 1 then redis.call('ZREMRANGEBYSCORE', key, '-inf', '(' .. ('%.0f'):format(now)) end
end
`;

/**
 * Enters a member in one sorted set, or renews its entry: of a cluster, where the others lie in other slots.
 *
 * KEYS 1 the sorted set. ARGV 1 the member, 2 seconds until the entry and the set expire.
 */
export const ENTER = defineScript(`${ENTER_LUA}
return enter(KEYS[1], ARGV[1], now_ms(), tonumber(ARGV[2]))
`);

/**
 * Lua functions that keep the helper records of sessions and conversations, to stand at the beginning of a script.
 * Whose session it is, only the script reads, so their keys are made here: by the rules of `KeyTemplate`, which a test
 * compares. An id that no key can carry, of another writer, gives `nil` and is not indexed.
 *
 * `remember_session(session, user, conversation, now)` enters a session, and its conversation where there is one;
 * `link(user, conversation, now)` the latter alone. Both also renew what is entered already, and set all TTLs.
 */
export const USER_INDEX = `${ENTER_LUA}
local function key_of(prefix, id)
  if not id or id == '' or #id > 512 then return nil end
  if not id:find('[%c\\194%%*?%[%]\\\\]') then return prefix .. id end
  if id:find('%c') or id:find('\\194[\\128-\\159]') then return nil end
  return prefix .. id:gsub('[%%*?%[%]\\\\]', function(special) return ('%%%02X'):format(special:byte()) end)
end
local function user_sessions(user) return key_of('${prefixOf(userSessionsRecord)}', user) end
local function user_conversations(user) return key_of('${prefixOf(userConversationsRecord)}', user) end
local function conversation_users(conversation) return key_of('${prefixOf(conversationUsersRecord)}', conversation) end
local function link(user, conversation, now)
  local conversations, users = user_conversations(user), conversation_users(conversation)
  if not conversations or not users then return end
  enter(conversations, conversation, now, ${userConversationsRecord.ttlSeconds})
  enter(users, user, now, ${conversationUsersRecord.ttlSeconds})
end
local function remember_session(session, user, conversation, now)
  local sessions = user_sessions(user)
  if not sessions then return end
  enter(sessions, session, now, ${userSessionsRecord.ttlSeconds})
  link(user, conversation, now)
end
`;

function prefixOf({ key }: { readonly key: { readonly pattern: string } }): string {
  return key.pattern.slice(0, -1);
}
