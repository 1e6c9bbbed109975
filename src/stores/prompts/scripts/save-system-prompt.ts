import { defineScript } from '../../../redis/script.ts';

/**
 * Saves a version of a system prompt if the one it follows is still stored, and puts that one into the history in the
 * same instant, so that of two savers neither loses the other's version.
 *
 * KEYS 1 the prompt's hash, 2 its history. ARGV 1 how many earlier versions are kept, 2 the version that was read, as
 * an element of the history, empty when there was no prompt, 3 to 6 its version, content, description and variables as
 * stored, then field and value in turn.
 * Returns 1 when saved, 0 when the stored prompt is another one by now.
 */
export const SAVE_SYSTEM_PROMPT = defineScript(`
local stored = redis.call('HMGET', KEYS[1], 'version', 'content', 'description', 'variables')
if ARGV[2] == '' then
  if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
else
  for at = 1, 4 do
    if stored[at] ~= ARGV[at + 2] then return 0 end
  end
  redis.call('LPUSH', KEYS[2], ARGV[2])
  redis.call('LTRIM', KEYS[2], 0, tonumber(ARGV[1]) - 1)
end
redis.call('HSET', KEYS[1], unpack(ARGV, 7))
return 1
`);
