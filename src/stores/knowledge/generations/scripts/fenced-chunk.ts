import { defineScript } from '../../../../redis/script.ts';

// Each is about one key: on a cluster the chunks of a document lie in slots of their own.

/**
 * Writes a chunk of a generation, unless a later one is there: a writer that was held up cannot undo what came after it.
 *
 * KEYS 1 the chunk. ARGV 1 its generation, then field and value in turn. Returns 1 when written.
 */
export const WRITE_CHUNK = defineScript(`
local held = tonumber(redis.call('HGET', KEYS[1], 'generation') or 0)
if held > tonumber(ARGV[1]) then return 0 end
redis.call('UNLINK', KEYS[1])
redis.call('HSET', KEYS[1], 'generation', ARGV[1], unpack(ARGV, 2))
return 1
`);

/**
 * Removes a chunk that is older than a generation, or has none.
 *
 * KEYS 1 the chunk. ARGV 1 the generation. Returns 1 when removed.
 */
export const FREE_CHUNK = defineScript(`
local held = tonumber(redis.call('HGET', KEYS[1], 'generation') or 0)
if held >= tonumber(ARGV[1]) then return 0 end
return redis.call('UNLINK', KEYS[1])
`);

/**
 * Removes an entry of a content hash if it is this document's.
 *
 * KEYS 1 the collection's content hashes. ARGV 1 the hash, 2 doc_id. Returns 1 when removed.
 */
export const DROP_HASH = defineScript(`
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
return redis.call('HDEL', KEYS[1], ARGV[1])
`);

/**
 * Removes a chunk if it is still the one that was read.
 *
 * KEYS 1 the chunk. ARGV 1 its generation, or nothing, 2 its doc_id. Returns 1 when removed.
 */
export const UNLINK_SAME = defineScript(`
local stored = redis.call('HMGET', KEYS[1], 'generation', 'doc_id')
if (stored[1] or '') ~= ARGV[1] or stored[2] ~= ARGV[2] then return 0 end
return redis.call('UNLINK', KEYS[1])
`);
