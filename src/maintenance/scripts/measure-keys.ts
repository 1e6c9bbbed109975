import { defineScript } from '../../redis/script.ts';

/**
 * Tells of each key its type, when it expires and what it costs, without reading it.
 *
 * KEYS     the keys, a page of SCAN
 * ARGV[1]  SAMPLES of MEMORY USAGE: how many elements of a key are measured, 0 for all
 *
 * Gives one flat list with four numbers a key: its type by `KEY_TYPES` (-1 for one that is gone, 9 for any other), the
 * Unix milliseconds at which it expires (-1 never), the milliseconds until then (-1), and bytes of memory.
 */
export const MEASURE_KEYS = defineScript(`#!lua flags=no-writes
local codes = { none = -1, string = 0, list = 1, hash = 2, set = 3, zset = 4 }
local told = {}
for at, key in ipairs(KEYS) do
  local type = redis.call('TYPE', key).ok
  local base = (at - 1) * 4
  told[base + 1] = codes[type] or 9
  told[base + 2] = redis.call('PEXPIRETIME', key)
  told[base + 3] = redis.call('PTTL', key)
  told[base + 4] = redis.call('MEMORY', 'USAGE', key, 'SAMPLES', ARGV[1]) or 0
end
return told`);

/** The Redis types that can be told apart, by the number the script gives. */
export const KEY_TYPES = ['string', 'list', 'hash', 'set', 'zset'] as const;
export type KeyType = (typeof KEY_TYPES)[number];
