import { defineScript } from '../../../redis/script.ts';

/**
 * Writes a fact in one HSET, since each one indexes the whole hash again: where its id is stored already, else under
 * the last key.
 *
 * KEYS where a fact of this id may be. ARGV 1 `new` to leave a fact that is there alone, `any` to write over it, then
 * field and value in turn. Returns 1 when written, 0 when the id was taken.
 */
export const SAVE_FACT = defineScript(`
local target = KEYS[#KEYS]
for _, key in ipairs(KEYS) do
  if redis.call('EXISTS', key) == 1 then
    if ARGV[1] == 'new' then return 0 end
    target = key
    break
  end
end
redis.call('HSET', target, unpack(ARGV, 2))
return 1
`);
