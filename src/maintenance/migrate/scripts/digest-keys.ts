import { defineScript } from '../../../redis/script.ts';

/**
 * What both scripts begin with: the digest of a key's type, expiry and value, the same on every server that holds the
 * same. Elements without an order are hashed one by one and sorted by their hex digests, which every locale sorts alike.
 */
const DIGEST = `
local function digest(key)
  local type = redis.call('TYPE', key).ok
  if type == 'none' then return '' end
  local hashes = {}
  local function unordered(flat, step)
    for at = 1, #flat, step do
      local pair = step == 2 and (#flat[at] .. ':' .. flat[at] .. flat[at + 1]) or flat[at]
      hashes[#hashes + 1] = redis.sha1hex(pair)
    end
    table.sort(hashes)
  end
  if type == 'hash' then unordered(redis.call('HGETALL', key), 2)
  elseif type == 'set' then unordered(redis.call('SMEMBERS', key), 1)
  elseif type == 'zset' then unordered(redis.call('ZRANGE', key, 0, -1, 'WITHSCORES'), 2)
  elseif type == 'string' then hashes[1] = redis.sha1hex(redis.call('GET', key))
  elseif type == 'list' then
    for _, item in ipairs(redis.call('LRANGE', key, 0, -1)) do hashes[#hashes + 1] = redis.sha1hex(item) end
  else return 'other' end
  local expiry = string.format('%.0f', redis.call('PEXPIRETIME', key))
  return redis.sha1hex(type .. ' ' .. expiry .. ' ' .. table.concat(hashes))
end`;

/**
 * Tells keys of two servers apart without their values travelling.
 *
 * KEYS the keys. Gives the digest of each: empty for a key that is not there, `other` for a type that is not kept.
 */
export const DIGEST_KEYS = defineScript(`#!lua flags=no-writes
${DIGEST}
local digests = {}
for at, key in ipairs(KEYS) do digests[at] = digest(key) end
return digests`);

/**
 * Deletes keys that still hold what was compared: one that a writer has changed meanwhile stays.
 *
 * KEYS the keys. ARGV the digest of each. Gives how many were deleted.
 */
export const UNLINK_IF_SAME = defineScript(`#!lua
${DIGEST}
local deleted = 0
for at, key in ipairs(KEYS) do
  if digest(key) == ARGV[at] then deleted = deleted + redis.call('UNLINK', key) end
end
return deleted`);
