import { defineScript } from '../../redis/script.ts';
import { CHUNK_PREFIX } from '../../schema/knowledge.ts';

/** Of a document of more chunks than this they are not counted: looking for each would hold up the server. */
const MOST_CHUNKS = 10_000;

/**
 * Counts the chunks that a document has at this moment, of those it says it has.
 *
 * KEYS 1 the document's hash. ARGV 1 and 2 what its chunk ids are in a key before their number, escaped and raw.
 * Returns how many it says, how many there are, and how many of them are of the version it shows; 0 each where that cannot be told.
 * The chunks lie on the same server.
 */
export const COUNT_CHUNKS = defineScript(`
if redis.call('TYPE', KEYS[1]).ok ~= 'hash' then return {0, 0, 0} end
local stored = redis.call('HMGET', KEYS[1], 'chunk_count', 'collection', 'chunk_start', 'generation')
local said = tonumber(stored[1]) or 0
if said > ${MOST_CHUNKS} then return {0, 0, 0} end
local chunks = '${CHUNK_PREFIX}' .. (stored[2] or 'default') .. '/'
local start, found, shown = tonumber(stored[3]) or 0, 0, 0
local function stateOf(chunk)
  if redis.call('EXISTS', chunk) == 0 then return 'gone' end
  -- A key of another type gives an error, which equals nothing.
  local generation = redis.pcall('HGET', chunk, 'generation')
  return generation == stored[4] and 'shown' or 'there'
end
for n = start, start + said - 1 do
  local number = string.format('%.0f', n)
  local state, other = stateOf(chunks .. ARGV[1] .. number), stateOf(chunks .. ARGV[2] .. number)
  if state ~= 'gone' or other ~= 'gone' then found = found + 1 end
  if state == 'shown' or other == 'shown' then shown = shown + 1 end
end
return {said, found, shown}
`);
