import { defineScript } from '../../../redis/script.ts';

/**
 * Saves a prompt of a user if the fields that may stay as they are still hold what was read.
 *
 * KEYS 1 the prompt. ARGV 1 and 2 what `is_private` and `created_at` must hold: `=` and the value, or empty when absent; 3 to
 * 5 the content, `is_private` and `created_at` to store. Returns a list of the content until now, or nil when the
 * prompt is another one by now.
 */
export const SAVE_USER_PROMPT = defineScript(`
local stored = redis.call('HMGET', KEYS[1], 'is_private', 'created_at', 'content')
for at = 1, 2 do
  if ARGV[at] ~= (stored[at] and '=' .. stored[at] or '') then return false end
end
redis.call('HSET', KEYS[1], 'content', ARGV[3], 'is_private', ARGV[4], 'created_at', ARGV[5])
return { stored[3] }
`);
