import { defineScript } from '../../redis/script.ts';

/**
 * Counts, and unless told otherwise deletes, the chunks whose document is not there at this very moment: a publish is
 * one MULTI, so its chunks are seen with their document or not at all.
 *
 * KEYS three for each chunk: the chunk, then the two keys its document may have. ARGV 1 `1` to count only, then the
 * doc_id of each chunk as it was read. Returns how many.
 */
export const UNLINK_ORPHANS = defineScript(`
local count = 0
for at = 1, #KEYS, 3 do
  local chunk = KEYS[at]
  if redis.call('TYPE', chunk).ok == 'hash'
    and redis.call('HGET', chunk, 'doc_id') == ARGV[(at - 1) / 3 + 2]
    and redis.call('EXISTS', KEYS[at + 1], KEYS[at + 2]) == 0 then
    count = count + 1
    if ARGV[1] ~= '1' then redis.call('UNLINK', chunk) end
  end
end
return count
`);
