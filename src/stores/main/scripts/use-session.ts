import { defineScript } from '../../../redis/script.ts';
import { sessionRecord } from '../../../schema/main.ts';
import { USER_INDEX } from './user-index.ts';

const useSession = (remember: string) => `
for at = 1, #KEYS do
  local flat = redis.call('HGETALL', KEYS[at])
  if #flat > 0 then
    local place = {}
    for field = 1, #flat, 2 do place[flat[field]] = field end
    if place.user_id then
      -- What is given goes into the reply as well as into the hash: reading it again would cost more.
      for field = 3, #ARGV, 2 do
        local to = place[ARGV[field]] or #flat + 1
        flat[to], flat[to + 1] = ARGV[field], ARGV[field + 1]
        place[ARGV[field]] = to
      end
      ${remember}
      redis.call('HSET', KEYS[at], unpack(ARGV, 3))
      if ARGV[2] == 'unlink' and place.conversation_id then
        redis.call('HDEL', KEYS[at], 'conversation_id')
        for _ = 1, 2 do table.remove(flat, place.conversation_id) end
      end
      redis.call('EXPIRE', KEYS[at], ${sessionRecord.ttlSeconds})
    end
    return { at, flat }
  end
end
return false
`;

/**
 * Uses a session: changes fields of it, renews its TTL and its entry in its user's index, which a session of another
 * writer gets by this. One that is gone stays gone; one that names no user is left as it is.
 *
 * KEYS where the session may be, in the order of looking. ARGV 1 session id, 2 \`unlink\` to remove the conversation or
 * empty, then field and value in turn, the last activity among them.
 * Returns which of KEYS it was and the hash as it is now, or nothing.
 */
export const USE_SESSION = defineScript(
  USER_INDEX +
    useSession(`
      local linked = ARGV[2] ~= 'unlink' and place.conversation_id
      remember_session(ARGV[1], flat[place.user_id + 1], linked and flat[linked + 1], now_ms())`),
);

/** The same without any index: of a cluster, where they lie in other slots and are seen to afterwards. */
export const USE_SESSION_ALONE = defineScript(useSession(''));
