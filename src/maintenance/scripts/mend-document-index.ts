import { defineScript } from '../../redis/script.ts';

/**
 * Compares the index of documents with one document, and unless told otherwise enters or removes it, in one step.
 *
 * KEYS 1 the index, 2 and 3 where the document may be. ARGV 1 `1` to look only, 2 doc_id, 3 the score of a new entry.
 * Returns 1 when the entry was missing, 2 when it named a document that is gone, else 0.
 */
export const MEND_DOCUMENT_INDEX = defineScript(`
local exists = redis.call('EXISTS', KEYS[2], KEYS[3]) > 0
local entered = redis.call('ZSCORE', KEYS[1], ARGV[2])
if exists and not entered then
  if ARGV[1] ~= '1' then redis.call('ZADD', KEYS[1], ARGV[3], ARGV[2]) end
  return 1
end
if entered and not exists then
  if ARGV[1] ~= '1' then redis.call('ZREM', KEYS[1], ARGV[2]) end
  return 2
end
return 0
`);
