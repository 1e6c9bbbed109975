import { defineScript } from '../../../redis/script.ts';
import { SHOWN_FIELDS } from '../fact.ts';

const NAMES = SHOWN_FIELDS.map((name) => `'${name}'`).join(', ');

/**
 * Changes fields of a fact that exists, so that one deleted meanwhile does not come back by half.
 *
 * KEYS where a fact of this id may be. ARGV field and value in turn of what changes. Returns the key and what
 * `SHOWN_FIELDS` held before, or nil when there is no fact with any of them.
 */
export const UPDATE_FACT = defineScript(`
for _, key in ipairs(KEYS) do
  local before = redis.call('HMGET', key, ${NAMES})
  for at = 1, ${SHOWN_FIELDS.length} do
    if before[at] then
      redis.call('HSET', key, unpack(ARGV))
      return { key, before }
    end
  end
end
return false
`);
