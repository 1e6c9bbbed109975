import { defineScript } from '../../redis/script.ts';
import { CHUNK_PREFIX } from '../../schema/knowledge.ts';

/** Of a document of more chunks than this they are not counted: looking for each would hold up the server. */
const MOST_CHUNKS = 10_000;

/**
 * Counts the chunks that a document has at this moment, of those it says it has.
 *
 * KEYS 1 the document's hash. ARGV 1 and 2 what its chunk ids are in a key before their number, escaped and raw.
 * Returns how many it says and how many there are; 0 and 0 where that cannot be told. The chunks lie on the same server.
 */
export const COUNT_CHUNKS = defineScript(`
if redis.call('TYPE', KEYS[1]).ok ~= 'hash' then return {0, 0} end
local stored = redis.call('HMGET', KEYS[1], 'chunk_count', 'collection')
local said = tonumber(stored[1]) or 0
if said > ${MOST_CHUNKS} then return {0, 0} end
local chunks = '${CHUNK_PREFIX}' .. (stored[2] or 'default') .. '/'
local found = 0
for n = 0, said - 1 do
  if redis.call('EXISTS', chunks .. ARGV[1] .. n, chunks .. ARGV[2] .. n) > 0 then found = found + 1 end
end
return {said, found}
`);
