import { defineScript } from '../../../redis/script.ts';

/**
 * Removes what is staged of a document.
 *
 * KEYS 1 its record of staged chunks. ARGV 1 what precedes the number in their keys.
 */
export const UNSTAGE = defineScript(`
for n = 0, (tonumber(redis.call('HGET', KEYS[1], 'chunk_count')) or 0) - 1 do redis.call('UNLINK', ARGV[1] .. n) end
redis.call('UNLINK', KEYS[1])
return 1
`);

/** What tells versions of a document apart, in Lua, of its hash `KEYS[1]`; see `versionOf`. */
const VERSION = `
local told = redis.call('HMGET', KEYS[1], 'updated_at', 'hash')
local version = (told[1] or '') .. ' ' .. (told[2] or '')
`;

/**
 * Records the staged chunks of a document, written before it in the same MULTI, unless it was published again or deleted
 * since it was read: then they go.
 *
 * KEYS 1 the document's hash, 2 its record of staged chunks. ARGV 1 the version as read, 2 what precedes the number in
 * their keys, 3 how many there are, then field and value of the record in turn. Returns 1 when recorded.
 */
export const RECORD_STAGED = defineScript(`${VERSION}
if version ~= ARGV[1] then
  for n = 0, tonumber(ARGV[3]) - 1 do redis.call('UNLINK', ARGV[2] .. n) end
  return 0
end
redis.call('HSET', KEYS[2], unpack(ARGV, 4))
return 1
`);

/**
 * Lets the staged chunks of a document and its live ones change places in one step: all readers see either whole. Of a
 * document that keeps its chunks, the staged ones are only copies for a comparison, and go.
 *
 * KEYS 1 the document's hash, 2 its record of staged chunks, 3 the collection's hash. ARGV 1 and 2 what precedes the number in the
 * keys of live and staged chunks, 3 hash of the manifest that the staged ones must fit, 4 and 5 when the collection was created and its manifest, both as stored.
 * Returns 1 when done, 0 when what is staged is not of this document's present version, 2 when the manifest is another, 3 when
 * staged chunks are missing.
 */
export const EXCHANGE = defineScript(`${VERSION}
local collection = redis.call('HMGET', KEYS[3], 'created_at', 'manifest')
if collection[1] ~= ARGV[4] or collection[2] ~= ARGV[5] then return 2 end
local staged = redis.call('HMGET', KEYS[2], 'version', 'manifest_hash', 'chunk_count', 'way')
if staged[1] ~= version or staged[2] ~= ARGV[3] then return 0 end
local waiting = tonumber(staged[3]) or 0
if staged[4] == 'kept' then
  for n = 0, waiting - 1 do redis.call('UNLINK', ARGV[2] .. n) end
  redis.call('HSET', KEYS[2], 'chunk_count', 0)
  return 1
end
for n = 0, waiting - 1 do
  if redis.call('EXISTS', ARGV[2] .. n) == 0 then return 3 end
end
local document = redis.call('HMGET', KEYS[1], 'chunk_count', 'manifest_hash')
local live = tonumber(document[1]) or 0
local aside = ARGV[2] .. 'aside'
for n = 0, math.max(live, waiting) - 1 do
  local isThere = n < live and redis.call('EXISTS', ARGV[1] .. n) == 1
  if isThere then redis.call('RENAME', ARGV[1] .. n, aside) end
  if n < waiting then redis.call('RENAME', ARGV[2] .. n, ARGV[1] .. n) end
  if isThere then redis.call('RENAME', aside, ARGV[2] .. n) end
end
redis.call('HSET', KEYS[1], 'chunk_count', waiting, 'manifest_hash', ARGV[3])
redis.call('HSET', KEYS[2], 'chunk_count', live, 'manifest_hash', document[2] or '')
redis.call('HINCRBY', KEYS[3], 'version', 1)
return 1
`);

/** What `EXCHANGE` replies. */
export const EXCHANGED = { stale: 0, done: 1, manifestChanged: 2, incomplete: 3 } as const;
