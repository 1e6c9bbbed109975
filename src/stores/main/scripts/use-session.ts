import { defineScript } from '../../../redis/script.ts';
import { sessionRecord } from '../../../schema/main.ts';
import { USER_INDEX } from './user-index.ts';

/**
 * Uses a session: changes fields of it, renews its TTL and its entry in its user's index, which a session of another
 * writer gets by this. One that is gone stays gone; one that names no user is left as it is.
 *
 * KEYS where the session may be, in the order of looking. ARGV 1 session id, 2 \`unlink\` to remove the conversation or
 * empty, then field and value in turn, the last activity among them.
 * Returns which of KEYS it was and the hash as it is now, or nothing.
 */
export const USE_SESSION = defineScript(`${USER_INDEX}
for at = 1, #KEYS do
  local user, conversation = unpack(redis.call('HMGET', KEYS[at], 'user_id', 'conversation_id'))
  if user or redis.call('EXISTS', KEYS[at]) == 1 then
    if user then
      for field = 3, #ARGV, 2 do
        if ARGV[field] == 'conversation_id' then conversation = ARGV[field + 1] end
      end
      if ARGV[2] == 'unlink' then conversation = false end
      remember_session(ARGV[1], user, conversation, now_ms())
      redis.call('HSET', KEYS[at], unpack(ARGV, 3))
      if ARGV[2] == 'unlink' then redis.call('HDEL', KEYS[at], 'conversation_id') end
      redis.call('EXPIRE', KEYS[at], ${sessionRecord.ttlSeconds})
    end
    return { at, redis.call('HGETALL', KEYS[at]) }
  end
end
return false
`);
