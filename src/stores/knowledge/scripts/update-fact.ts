import { defineScript } from '../../../redis/script.ts';
import { SHOWN_FIELDS } from '../fact.ts';

const NAMES = SHOWN_FIELDS.map((name) => `'${name}'`).join(', ');

/**
 * Changes fields of a fact that exists, so that one deleted meanwhile does not come back by half.
 *
 * KEYS where a fact of this id may be. ARGV 1 the time, when the changes alone are a whole fact, or empty; then field and
 * value in turn of what changes. A hash that has nothing of a fact is left alone unless they are. Returns the key and what
 * `SHOWN_FIELDS` held before, or nil when there is no such key.
 */
export const UPDATE_FACT = defineScript(`
for _, key in ipairs(KEYS) do
  if redis.call('EXISTS', key) == 1 then
    if ARGV[1] ~= '' then redis.call('HSETNX', key, 'created_at', ARGV[1]) end
    local before = redis.call('HMGET', key, ${NAMES})
    for at = 1, ${SHOWN_FIELDS.length} do
      if before[at] then
        redis.call('HSET', key, unpack(ARGV, 2))
        break
      end
    end
    return { key, before }
  end
end
return false
`);
