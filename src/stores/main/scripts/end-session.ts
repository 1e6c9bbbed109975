import { defineScript } from '../../../redis/script.ts';
import { USER_INDEX } from './user-index.ts';

/**
 * Ends a session wherever it is, and removes its entry from its user's index.
 *
 * KEYS where it may be. ARGV 1 session id.
 * Returns how many of KEYS were removed.
 */
export const END_SESSION = defineScript(`${USER_INDEX}
local ended = {}
for at = 1, #KEYS do
  local user = redis.call('HGET', KEYS[at], 'user_id')
  if user or redis.call('EXISTS', KEYS[at]) == 1 then
    ended[#ended + 1] = { KEYS[at], user_sessions(user) }
  end
end
for _, session in ipairs(ended) do
  if session[2] then redis.call('ZREM', session[2], ARGV[1]) end
  redis.call('UNLINK', session[1])
end
return #ended
`);
