import { defineScript } from '../../redis/script.ts';
import { ARRIVING } from './arrivals.ts';

/**
 * Tells, and unless told otherwise deletes, what is staged for a reindex that is not there at this very moment: one records
 * itself before it stages anything.
 *
 * KEYS 1 who brings records in, then two for each: the staged key, the record of the reindex. ARGV 1 `1` to look only.
 * Returns the number of each such key, from 0; nil, with nothing deleted, while records are brought in.
 */
export const UNLINK_STAGED = defineScript(`${ARRIVING}
if ARGV[1] ~= '1' and arriving(KEYS[1]) then return false end
local left = {}
for at = 2, #KEYS, 2 do
  if redis.call('EXISTS', KEYS[at]) == 1 and redis.call('EXISTS', KEYS[at + 1]) == 0 then
    left[#left + 1] = (at - 2) / 2
    if ARGV[1] ~= '1' then redis.call('UNLINK', KEYS[at]) end
  end
end
return left
`);
