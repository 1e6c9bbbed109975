import { defineScript } from '../../redis/script.ts';

/**
 * Compares a sorted set of documents with one document, and unless told otherwise enters or removes it, in one step.
 *
 * KEYS 1 the sorted set, 2 and 3 where the document may be. ARGV 1 `1` to look only, 2 doc_id, 3 the score of a new
 * entry, 4 the collection that the set is for, or nothing. Returns 1 when the entry was missing, 2 when it named a
 * document that is gone or belongs elsewhere, else 0.
 */
export const MEND_DOCUMENT_INDEX = defineScript(`
local belongs = false
for at = 2, 3 do
  local kind = redis.call('TYPE', KEYS[at]).ok
  if kind ~= 'none' and ARGV[4] == '' then belongs = true end
  if kind == 'hash' and redis.call('HGET', KEYS[at], 'collection') == ARGV[4] then belongs = true end
end
local entered = redis.call('ZSCORE', KEYS[1], ARGV[2])
if belongs and not entered then
  if ARGV[1] ~= '1' then redis.call('ZADD', KEYS[1], ARGV[3], ARGV[2]) end
  return 1
end
if entered and not belongs then
  if ARGV[1] ~= '1' then redis.call('ZREM', KEYS[1], ARGV[2]) end
  return 2
end
return 0
`);
