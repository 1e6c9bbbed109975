import { defineScript } from '../../../redis/script.ts';

/**
 * Adds fields to a chunk if it is still the one whose metadata they were made of: one that was deleted or replaced
 * meanwhile is left alone. Nothing is written, and so nothing indexed again, when the chunk has them already.
 *
 * KEYS 1 the chunk. ARGV 1 its metadata as read, then field and value in turn.
 * Returns how many fields were written.
 */
export const ADD_CHUNK_FIELDS = defineScript(`
if redis.call('HGET', KEYS[1], 'metadata') ~= ARGV[1] then return 0 end
local missing = {}
for at = 2, #ARGV, 2 do
  if redis.call('HGET', KEYS[1], ARGV[at]) ~= ARGV[at + 1] then
    missing[#missing + 1] = ARGV[at]
    missing[#missing + 1] = ARGV[at + 1]
  end
end
if #missing > 0 then redis.call('HSET', KEYS[1], unpack(missing)) end
return #missing / 2
`);
