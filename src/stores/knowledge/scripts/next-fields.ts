import { defineScript } from '../../../redis/script.ts';

/**
 * Copies fields of chunks over others, where they are there, in one HSET a chunk. A float16 form of the vector that is
 * replaced goes: it is made anew.
 *
 * KEYS the chunks. ARGV source and target field in turn. Returns how many chunks were changed.
 */
export const SETTLE_CHUNKS = defineScript(`
local changed = 0
for _, key in ipairs(KEYS) do
  local writes = {}
  for at = 1, #ARGV, 2 do
    local value = redis.call('HGET', key, ARGV[at])
    if value and redis.call('HGET', key, ARGV[at + 1]) ~= value then
      writes[#writes + 1] = ARGV[at + 1]
      writes[#writes + 1] = value
      if ARGV[at + 1] == 'embedding' then redis.call('HDEL', key, 'embedding_float16') end
    end
  end
  if #writes > 0 then
    redis.call('HSET', key, unpack(writes))
    changed = changed + 1
  end
end
return changed
`);

/**
 * Finds chunks whose live vector is the next one too.
 *
 * KEYS the chunks. Returns their keys.
 */
export const FIND_EQUAL = defineScript(`
local found = {}
for _, key in ipairs(KEYS) do
  local vectors = redis.call('HMGET', key, 'embedding', 'embedding_next')
  if vectors[1] and vectors[1] == vectors[2] then found[#found + 1] = key end
end
return found
`);

/**
 * Changes the manifest that documents say their chunks fit.
 *
 * KEYS the documents. ARGV 1 the hash of the manifest before, 2 that of the one now. Returns how many were changed.
 */
export const RESTATE_DOCUMENTS = defineScript(`
local changed = 0
for _, key in ipairs(KEYS) do
  if redis.call('HGET', key, 'manifest_hash') == ARGV[1] then
    redis.call('HSET', key, 'manifest_hash', ARGV[2])
    changed = changed + 1
  end
end
return changed
`);
