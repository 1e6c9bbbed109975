import { defineScript } from '../../redis/script.ts';

/**
 * Deletes sessions that are still a user's: one of them may have ended meanwhile and its id been given to another user.
 *
 * KEYS the sessions. ARGV 1 user id.
 * Returns how many were deleted.
 */
export const UNLINK_SESSIONS = defineScript(`
local deleted = 0
for at = 1, #KEYS do
  if redis.call('TYPE', KEYS[at]).ok == 'hash' and redis.call('HGET', KEYS[at], 'user_id') == ARGV[1] then
    deleted = deleted + redis.call('UNLINK', KEYS[at])
  end
end
return deleted
`);
