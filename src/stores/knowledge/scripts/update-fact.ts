import { defineScript } from '../../../redis/script.ts';
import { SHOWN_FIELDS } from '../fact.ts';

const NAMES = SHOWN_FIELDS.map((name) => `'${name}'`).join(', ');

/**
 * Changes fields of a fact if what stays of it is what was read, so that one deleted meanwhile does not come back by half
 * and nothing is written over what could not be read.
 *
 * KEYS 1 the fact. ARGV first for each of `SHOWN_FIELDS` what it must hold: `=` and the value, empty when it must be
 * absent, `*` for one that is changed; then field and value in turn of what changes. Returns 1 when written, 0 when
 * the fact is another one by now.
 */
export const UPDATE_FACT = defineScript(`
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
local stored = redis.call('HMGET', KEYS[1], ${NAMES})
for at = 1, ${SHOWN_FIELDS.length} do
  if ARGV[at] ~= '*' and ARGV[at] ~= (stored[at] and '=' .. stored[at] or '') then return 0 end
end
redis.call('HSET', KEYS[1], unpack(ARGV, ${SHOWN_FIELDS.length + 1}))
return 1
`);
