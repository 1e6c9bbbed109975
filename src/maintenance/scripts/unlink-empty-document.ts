import { defineScript } from '../../redis/script.ts';
import {
  CHUNK_PREFIX,
  collectionDocumentsRecord,
  collectionRecord,
  contentHashesRecord,
} from '../../schema/knowledge.ts';
import { ARRIVING } from './arrivals.ts';

/** A document of more chunks than this is never taken for empty: looking for each would hold up the server. */
const MOST_CHUNKS = 10_000;

/**
 * Deletes a document that has no chunk, with its index entries, and bumps the corpus version of its collection. Looked
 * at and deleted in one step, so a document that is published meanwhile stays.
 *
 * KEYS 1 the document's hash, 2 the index of documents, 3 who brings records in. ARGV 1 `1` to look only, 2 doc_id, 3 and
 * 4 what its chunk ids are in a key before their number, escaped and raw. Returns 1 for an empty document, else 0; -1, with
 * nothing deleted, while records are brought in. The other keys lie on the same server.
 */
export const UNLINK_EMPTY_DOCUMENT = defineScript(`${ARRIVING}
if ARGV[1] ~= '1' and arriving(KEYS[3]) then return -1 end
if redis.call('TYPE', KEYS[1]).ok ~= 'hash' then return 0 end
local stored = redis.call('HMGET', KEYS[1], 'chunk_count', 'hash', 'collection', 'chunk_start')
local owner = stored[3] or 'default'
local chunks = '${CHUNK_PREFIX}' .. owner .. '/'
local last = math.max((tonumber(stored[1]) or 0) - 1, 0)
if last >= ${MOST_CHUNKS} then return 0 end
local start = tonumber(stored[4]) or 0
for n = start, start + last do
  local number = string.format('%.0f', n)
  if redis.call('EXISTS', chunks .. ARGV[3] .. number, chunks .. ARGV[4] .. number) > 0 then return 0 end
end
if ARGV[1] == '1' then return 1 end
local listed = '${prefixOf(collectionDocumentsRecord)}' .. owner
local hashes = '${prefixOf(contentHashesRecord)}' .. owner
-- A key of a wrong type ends the script here, before anything is deleted.
redis.call('ZSCORE', KEYS[2], ARGV[2])
redis.call('ZSCORE', listed, ARGV[2])
local holder = redis.call('HGET', hashes, stored[2] or '')
redis.call('UNLINK', KEYS[1])
redis.call('ZREM', KEYS[2], ARGV[2])
redis.call('ZREM', listed, ARGV[2])
if holder == ARGV[2] then redis.call('HDEL', hashes, stored[2]) end
if redis.call('TYPE', '${prefixOf(collectionRecord)}' .. owner).ok == 'hash' then
  redis.call('HINCRBY', '${prefixOf(collectionRecord)}' .. owner, 'version', 1)
end
return 1
`);

function prefixOf({ key }: { readonly key: { readonly pattern: string } }): string {
  return key.pattern.slice(0, -1);
}
