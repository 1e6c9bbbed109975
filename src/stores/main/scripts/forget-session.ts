import { defineScript } from '../../../redis/script.ts';

/**
 * Removes a session from a user's index if there is no such session of that user, which is looked at once more: it may
 * have been created since it was missed.
 *
 * KEYS 1 the index, then where the session may be. ARGV 1 session id, 2 user id.
 * Returns 1 when removed.
 */
export const FORGET_SESSION = defineScript(`
for at = 2, #KEYS do
  if redis.call('HGET', KEYS[at], 'user_id') == ARGV[2] then return 0 end
end
return redis.call('ZREM', KEYS[1], ARGV[1])
`);
