import { defineScript } from '../../../redis/script.ts';

/**
 * Reads small keys whole, each with its type and expiry as they are at the same moment.
 *
 * KEYS     the keys
 * ARGV[1]  a key of more elements than this is not read
 *
 * Gives for each key its type, the Unix milliseconds at which it expires (-1 never), and its items: field, value …;
 * elements; members; member, score …; a string as one item. In place of the items nil for a key that is gone, that has
 * too many elements, or of a type that is not kept.
 */
export const READ_KEYS = defineScript(`#!lua flags=no-writes
local limit = tonumber(ARGV[1])
local sizes = { list = 'LLEN', hash = 'HLEN', set = 'SCARD', zset = 'ZCARD' }
local reads = {
  string = function(key) return { redis.call('GET', key) } end,
  list = function(key) return redis.call('LRANGE', key, 0, -1) end,
  hash = function(key) return redis.call('HGETALL', key) end,
  set = function(key) return redis.call('SMEMBERS', key) end,
  zset = function(key) return redis.call('ZRANGE', key, 0, -1, 'WITHSCORES') end,
}
local found = {}
for at, key in ipairs(KEYS) do
  local type = redis.call('TYPE', key).ok
  local base = (at - 1) * 3
  local read, size = reads[type], sizes[type]
  found[base + 1] = type
  found[base + 2] = redis.call('PEXPIRETIME', key)
  found[base + 3] = read and (not size or redis.call(size, key) <= limit) and read(key) or false
end
return found`);
