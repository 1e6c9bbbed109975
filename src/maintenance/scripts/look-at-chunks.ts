import { defineScript } from '../../redis/script.ts';

/**
 * Compares chunks with their documents at one moment; a publish is one MULTI, so it is seen whole or not at all.
 *
 * KEYS three for each chunk: the chunk, then the two keys its document may have. ARGV three for each chunk: doc_id as it
 * was read, collection, the chunk's number or nothing. Returns for each chunk the bytes of its vector, -1 when it is
 * another chunk by now, and 0 when all is well, 1 when its document is gone, 2 when that is in another collection or
 * counts fewer chunks.
 */
export const LOOK_AT_CHUNKS = defineScript(`
local told = {}
for at = 1, #KEYS, 3 do
  local docId, collection, number = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2])
  local bytes, state = -1, 0
  if redis.call('TYPE', KEYS[at]).ok == 'hash' and (redis.call('HGET', KEYS[at], 'doc_id') or '') == docId then
    bytes = redis.call('HSTRLEN', KEYS[at], 'embedding')
    local place = redis.call('EXISTS', KEYS[at + 1]) == 1 and KEYS[at + 1] or KEYS[at + 2]
    local kind = redis.call('TYPE', place).ok
    if docId ~= '' and kind == 'none' then state = 1 end
    if docId ~= '' and kind == 'hash' then
      local document = redis.call('HMGET', place, 'chunk_count', 'collection')
      local count = tonumber(document[1])
      if document[2] and document[2] ~= collection then state = 2 end
      if number and count and number >= count then state = 2 end
    end
  end
  told[#told + 1] = bytes
  told[#told + 1] = state
end
return told
`);
