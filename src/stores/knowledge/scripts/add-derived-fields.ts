import { defineScript } from '../../../redis/script.ts';

/**
 * Adds to a chunk what was made of some of its fields, if they still hold what it was made of: one that was deleted or
 * replaced meanwhile is left alone. Nothing is written, and so nothing indexed again, when the chunk has it already.
 *
 * KEYS 1 the chunk. ARGV 1 how many fields it was made of, then these, field and value in turn, then what to add, field
 * and value in turn. Returns how many fields were written, -1 when the chunk is another by now.
 */
export const ADD_DERIVED_FIELDS = defineScript(`
local made = 1 + tonumber(ARGV[1]) * 2
for at = 2, made, 2 do
  if redis.call('HGET', KEYS[1], ARGV[at]) ~= ARGV[at + 1] then return -1 end
end
local missing = {}
for at = made + 1, #ARGV, 2 do
  if redis.call('HGET', KEYS[1], ARGV[at]) ~= ARGV[at + 1] then
    missing[#missing + 1] = ARGV[at]
    missing[#missing + 1] = ARGV[at + 1]
  end
end
if #missing > 0 then redis.call('HSET', KEYS[1], unpack(missing)) end
return #missing / 2
`);
