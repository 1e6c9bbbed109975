import { defineScript } from '../../redis/script.ts';
import { ARRIVING } from './arrivals.ts';

/**
 * Tells, and unless told otherwise deletes, the chunks whose document is not there at this very moment: a publish is
 * one MULTI, so its chunks are seen with their document or not at all. Answers that were kept may hold what goes, so
 * the corpus version of its collection is bumped.
 *
 * KEYS 1 who brings records in, then four for each chunk: the chunk, the two keys its document may have, its collection's
 * hash. ARGV 1 `1` to look only, then the doc_id of each chunk as it was read. Returns the number of each such chunk, from
 * 0; nil, with nothing deleted, while records are brought in.
 */
export const UNLINK_ORPHANS = defineScript(`${ARRIVING}
if ARGV[1] ~= '1' and arriving(KEYS[1]) then return false end
local orphans = {}
local collections = {}
for at = 2, #KEYS, 4 do
  local chunk, number = KEYS[at], (at - 2) / 4
  if redis.call('TYPE', chunk).ok == 'hash'
    and redis.call('HGET', chunk, 'doc_id') == ARGV[number + 2]
    and redis.call('EXISTS', KEYS[at + 1], KEYS[at + 2]) == 0 then
    orphans[#orphans + 1] = number
    if ARGV[1] ~= '1' then
      redis.call('UNLINK', chunk)
      collections[KEYS[at + 3]] = true
    end
  end
end
for collection in pairs(collections) do
  if redis.call('TYPE', collection).ok == 'hash' then redis.call('HINCRBY', collection, 'version', 1) end
end
return orphans
`);
