import { defineScript } from '../../../../redis/script.ts';

/** Scripts of a document's hash and its publication, which lie in one slot. KEYS 1 the document, 2 its publication. */

/**
 * Takes the publication of a document for a while, also that of a writer whose time has run out, with what that one may
 * have left. Generations grow with the clock of the server and never go back.
 *
 * ARGV 1 milliseconds until others may take it, 2 doc_id, 3 collection, 4 how many chunks are to be written.
 * Returns 1, generation, whether there is a document, where its chunks' numbers start, how many it has, its collection and
 * generation, both empty where it has none, how many chunks may lie from number 0 and how many from PARKED, and the
 * content hash of the version before. 0 and the milliseconds until its time runs out while another has it; 2 and that collection
 * where one that ran out was for another.
 */
export const CLAIM = defineScript(`
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local held = redis.call('HMGET', KEYS[2], 'until', 'generation', 'placed', 'parked', 'hash', 'collection')
if held[1] and tonumber(held[1]) > now then return {0, math.ceil((tonumber(held[1]) - now) / 1000)} end
if held[6] and held[6] ~= ARGV[3] then return {2, held[6]} end
local exists = redis.call('EXISTS', KEYS[1])
local stored = redis.call('HMGET', KEYS[1], 'generation', 'chunk_start', 'chunk_count', 'hash', 'collection')
local generation = math.max(now, (tonumber(held[2]) or 0) + 2, (tonumber(stored[1]) or 0) + 1)
local start, count, writing = tonumber(stored[2]) or 0, tonumber(stored[3]) or 0, tonumber(ARGV[4])
local placed = math.max(tonumber(held[3]) or 0, writing)
local parked = tonumber(held[4]) or 0
if exists == 1 and start == 0 then placed, parked = math.max(placed, count), math.max(parked, writing) end
if start > 0 then parked = math.max(parked, count) end
local before = stored[4] or held[5] or ''
local named = string.format('%.0f', generation)
redis.call('HSET', KEYS[2], 'doc_id', ARGV[2], 'collection', ARGV[3], 'generation', named,
  'until', string.format('%.0f', now + ARGV[1] * 1000), 'placed', placed, 'parked', parked)
if before ~= '' then redis.call('HSET', KEYS[2], 'hash', before) end
return {1, named, exists, start, count, stored[5] or '', stored[1] or '', placed, parked, before}
`);

/** Whether the publication is still the caller's, in Lua. */
const IS_OWN = `redis.call('HGET', KEYS[2], 'generation') == ARGV[1]`;

/** Keeps the publication for another while. ARGV 1 its generation, 2 milliseconds. Returns 0 when it was lost. */
export const RENEW = defineScript(`
if not (${IS_OWN}) then return 0 end
local time = redis.call('TIME')
redis.call('HSET', KEYS[2], 'until', string.format('%.0f', time[1] * 1000000 + time[2] + ARGV[2] * 1000))
return 1
`);

/**
 * Changes the document's hash: the one step at which all readers begin to see other chunks.
 *
 * ARGV 1 the publication's generation, 2 how many fields go, then these, then field and value in turn. Returns 0, with nothing changed,
 * when the publication was lost.
 */
export const FLIP = defineScript(`
if not (${IS_OWN}) then return 0 end
local going = tonumber(ARGV[2])
if going > 0 then redis.call('HDEL', KEYS[1], unpack(ARGV, 3, 2 + going)) end
redis.call('HSET', KEYS[1], unpack(ARGV, 3 + going))
return 1
`);

/** Removes the document's hash. ARGV 1 the publication's generation. Returns 0 when the publication was lost. */
export const REMOVE_DOCUMENT = defineScript(`
if not (${IS_OWN}) then return 0 end
redis.call('UNLINK', KEYS[1])
return 1
`);

/** Ends the publication: nothing is left over. ARGV 1 its generation. Returns 0 when it was lost. */
export const RELEASE = defineScript(`
if not (${IS_OWN}) then return 0 end
return redis.call('UNLINK', KEYS[2])
`);

/**
 * What readers are shown of a document at this moment. Returns whether there is a document, its generation or nothing, whether
 * somebody is publishing or deleting it, and whether that was begun and has not ended.
 */
export const READ_SHOWN = defineScript(`
local time = redis.call('TIME')
local held = tonumber(redis.call('HGET', KEYS[2], 'until') or 0)
local isHeld = held > time[1] * 1000000 + time[2]
local generation = ''
if redis.call('TYPE', KEYS[1]).ok == 'hash' then generation = redis.call('HGET', KEYS[1], 'generation') or '' end
return {redis.call('EXISTS', KEYS[1]), generation, isHeld and 1 or 0, redis.call('EXISTS', KEYS[2])}
`);
