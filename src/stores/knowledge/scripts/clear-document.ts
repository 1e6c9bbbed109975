import { defineScript } from '../../../redis/script.ts';

/**
 * Removes the chunks of the stored version of a document and its entry among the content hashes, and bumps the corpus
 * version of the collection, unless that was dropped meanwhile: a counter alone would be half a collection. It runs first inside
 * the MULTI that publishes the next version, so the number of old chunks is read in the same instant as the new ones
 * appear: of two writers at once, the later one leaves nothing of the earlier one behind.
 *
 * KEYS 1 the document's hash, 2 the collection's content hashes, 3 the collection's hash.
 * ARGV 1 what precedes the number in its chunk keys, 2 doc_id.
 * Returns 1, or 0 when there is no such collection. The chunk keys lie on the same server; a cluster is refused before this.
 */
export const CLEAR_DOCUMENT = defineScript(`
local old = redis.call('HMGET', KEYS[1], 'chunk_count', 'hash')
for n = 0, (tonumber(old[1]) or 0) - 1 do
  redis.call('UNLINK', ARGV[1] .. n)
end
if old[2] and redis.call('HGET', KEYS[2], old[2]) == ARGV[2] then redis.call('HDEL', KEYS[2], old[2]) end
if redis.call('EXISTS', KEYS[3]) == 0 then return 0 end
redis.call('HINCRBY', KEYS[3], 'version', 1)
return 1
`);
