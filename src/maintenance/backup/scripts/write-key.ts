import { defineScript } from '../../../redis/script.ts';

/** What both scripts begin with: adding items to a key, in steps that the stack of Lua can hold. */
const ADD_ITEMS = `
local function add(key, type, from)
  if type == 'string' then return redis.call('APPEND', key, ARGV[from]) end
  local command = ({ list = 'RPUSH', hash = 'HSET', set = 'SADD', zset = 'ZADD' })[type]
  for first = from, #ARGV, 4000 do
    local args = { unpack(ARGV, first, math.min(first + 3999, #ARGV)) }
    if type == 'zset' then
      for at = 1, #args, 2 do args[at], args[at + 1] = args[at + 1], args[at] end
    end
    redis.call(command, key, unpack(args))
  end
end`;

/**
 * Writes a key whole, in place of what is there or only where nothing is. A server that has no memory left refuses the
 * script as a whole, before it removed anything.
 *
 * KEYS[1]  the key
 * ARGV[1]  1 to replace what is there
 * ARGV[2]  type: string, list, hash, set or zset
 * ARGV[3]  Unix milliseconds at which it expires; -1 never
 * ARGV[4…] the items as READ_KEYS gives them
 *
 * Gives 1 when it was written, 0 when there is a key and it stays.
 */
export const WRITE_KEY = defineScript(`#!lua
${ADD_ITEMS}
if redis.call('EXISTS', KEYS[1]) == 1 then
  if ARGV[1] ~= '1' then return 0 end
  redis.call('UNLINK', KEYS[1])
end
add(KEYS[1], ARGV[2], 4)
if ARGV[3] ~= '-1' then redis.call('PEXPIREAT', KEYS[1], ARGV[3]) end
return 1`);

/**
 * Adds items to the temporary key of a big one.
 *
 * KEYS[1]  the temporary key
 * ARGV[1]  milliseconds after which it goes if nothing is added any more
 * ARGV[2]  type
 * ARGV[3…] items
 */
export const ADD_TO_KEY = defineScript(`#!lua
${ADD_ITEMS}
if #ARGV > 2 then add(KEYS[1], ARGV[2], 3) end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1`);

/**
 * Puts a finished temporary key in its place.
 *
 * KEYS[1]  the temporary key
 * KEYS[2]  the key
 * ARGV[1]  1 to replace what is there
 * ARGV[2]  Unix milliseconds at which it expires; -1 never
 *
 * Gives 1 when it was put there, 0 when there is a key and it stays, -1 when the temporary key is gone.
 */
export const PLACE_KEY = defineScript(`#!lua
if redis.call('EXISTS', KEYS[1]) == 0 then return -1 end
if redis.call('EXISTS', KEYS[2]) == 1 then
  if ARGV[1] ~= '1' then
    redis.call('UNLINK', KEYS[1])
    return 0
  end
  redis.call('UNLINK', KEYS[2])
end
redis.call('RENAME', KEYS[1], KEYS[2])
if ARGV[2] == '-1' then redis.call('PERSIST', KEYS[2]) else redis.call('PEXPIREAT', KEYS[2], ARGV[2]) end
return 1`);
