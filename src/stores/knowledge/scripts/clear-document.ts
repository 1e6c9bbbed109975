import { defineScript } from '../../../redis/script.ts';
import {
  CHUNK_PREFIX,
  collectionDocumentsRecord,
  collectionRecord,
  contentHashesRecord,
} from '../../../schema/knowledge.ts';
import { STAGED_CHUNK_PREFIX, stagedDocumentRecord } from '../../../schema/staged.ts';

/**
 * Removes the chunks of the stored version of a document, those staged beside them, and its entry among the content hashes, and bumps the corpus
 * version of the collection, unless that was dropped meanwhile: a counter alone would be half a collection. It runs first inside
 * the MULTI that publishes the next version, so what is stored is read in the same instant as the new version
 * appears: of two writers at once, the later one leaves nothing of the earlier one behind, in another collection neither.
 *
 * KEYS 1 the document's hash. ARGV 1 doc_id, 2 collection, 3 and 4 what its chunk ids are in a key before their
 * number, escaped and raw, 5 when the collection was created and 6 its manifest, both as stored; empty: any.
 * Returns `CLEARED`. The other keys lie on the same server; a cluster is refused before this.
 */
export const CLEAR_DOCUMENT = defineScript(`
local function bump(name)
  if redis.call('EXISTS', '${prefixOf(collectionRecord)}' .. name) == 1 then
    redis.call('HINCRBY', '${prefixOf(collectionRecord)}' .. name, 'version', 1)
  end
end
local old = redis.call('HMGET', KEYS[1], 'chunk_count', 'hash', 'collection')
local owner = old[3] or ARGV[2]
local chunks = '${CHUNK_PREFIX}' .. owner .. '/'
for n = 0, (tonumber(old[1]) or 0) - 1 do
  redis.call('UNLINK', chunks .. ARGV[3] .. n)
  if ARGV[4] ~= ARGV[3] then redis.call('UNLINK', chunks .. ARGV[4] .. n) end
end
local staged = '${prefixOf(stagedDocumentRecord)}' .. owner .. ':' .. string.sub(ARGV[3], 1, -8)
local waiting = redis.call('HGET', staged, 'chunk_count')
if waiting then
  for n = 0, tonumber(waiting) - 1 do redis.call('UNLINK', '${STAGED_CHUNK_PREFIX}' .. owner .. ':' .. ARGV[3] .. n) end
  redis.call('UNLINK', staged)
end
local hashes = '${prefixOf(contentHashesRecord)}' .. owner
if old[2] and redis.call('HGET', hashes, old[2]) == ARGV[1] then redis.call('HDEL', hashes, old[2]) end
if owner ~= ARGV[2] then
  redis.call('ZREM', '${prefixOf(collectionDocumentsRecord)}' .. owner, ARGV[1])
  bump(owner)
end
local stored = redis.call('HMGET', '${prefixOf(collectionRecord)}' .. ARGV[2], 'created_at', 'manifest')
if not stored[1] or (ARGV[5] ~= '' and stored[1] ~= ARGV[5]) then return 0 end
bump(ARGV[2])
if ARGV[6] ~= '' and stored[2] ~= ARGV[6] then return 2 end
return 1
`);

/** What `CLEAR_DOCUMENT` replies. */
export const CLEARED = {
  /** The collection was dropped, and perhaps made anew. */
  collectionGone: 0,
  asExpected: 1,
  /** The collection's manifest is not the writer's: fields were declared meanwhile. */
  manifestChanged: 2,
} as const;

/** What precedes the first id in keys of a record. */
function prefixOf({ key }: { readonly key: { readonly pattern: string } }): string {
  return key.pattern.slice(0, key.pattern.indexOf('*'));
}
