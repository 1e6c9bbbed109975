import { defineScript } from '../../../redis/script.ts';

/** How many earlier versions are kept. */
const HISTORY_LENGTH = 100;

/**
 * Saves a version of a system prompt if the one it follows is still stored, and puts that one into the history in the
 * same instant, so that of two savers neither loses the other's version.
 *
 * KEYS 1 the prompt's hash, 2 its history. ARGV 1 the version that was read, as an element of the history, empty when
 * there was no prompt, 2 to 5 its version, content, description and variables as stored, then field and value in turn
 * of what changes. Returns 1 when saved, 0 when the stored prompt is another one by now.
 */
export const SAVE_SYSTEM_PROMPT = defineScript(`
if ARGV[1] == '' then
  if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
else
  local stored = redis.call('HMGET', KEYS[1], 'version', 'content', 'description', 'variables')
  for at = 1, 4 do
    if stored[at] ~= ARGV[at + 1] then return 0 end
  end
  if redis.call('LPUSH', KEYS[2], ARGV[1]) > ${HISTORY_LENGTH} then
    redis.call('LTRIM', KEYS[2], 0, ${HISTORY_LENGTH - 1})
  end
end
redis.call('HSET', KEYS[1], unpack(ARGV, 6))
return 1
`);
