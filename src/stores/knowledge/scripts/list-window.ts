import { defineScript } from '../../../redis/script.ts';

/**
 * A stretch of a list of documents, the latest first, with how many there are, at one moment.
 *
 * KEYS 1 the list. ARGV 1 the least score, 2 the score that all are below, or nothing, 3 how many are left out, 4 how many
 * are given, 5 and 6 score and doc_id of the entry after which the list goes on, or nothing: one that was removed or
 * moved since still has its place. Returns how many there are between the scores and how many of them are left after what is given, then doc_id
 * and score in turn.
 */
export const LIST_WINDOW = defineScript(
  `
local list, least, below, id = KEYS[1], ARGV[1], ARGV[2], ARGV[6]
local first = below == '' and 0 or redis.call('ZCOUNT', list, below, '+inf')
local total = redis.call('ZCOUNT', list, least, below == '' and '+inf' or '(' .. below)

-- Bytes: the server's locale, by which Lua compares, is not how Redis sorts.
local function precedes(one, other)
  for at = 1, math.min(#one, #other) do
    local a, b = one:byte(at), other:byte(at)
    if a ~= b then return a < b end
  end
  return #one < #other
end

local start = first
if ARGV[5] ~= '' then
  local score = tonumber(ARGV[5])
  local place
  if tonumber(redis.call('ZSCORE', list, id) or '') == score then
    place = redis.call('ZREVRANK', list, id) + 1
  else
    place = redis.call('ZCOUNT', list, '(' .. ARGV[5], '+inf')
    for _, tie in ipairs(redis.call('ZREVRANGEBYSCORE', list, score, score)) do
      if precedes(tie, id) then break end
      place = place + 1
    end
  end
  start = math.max(first, place)
end
start = start + tonumber(ARGV[3])
local last = math.min(start + tonumber(ARGV[4]), first + total) - 1
local reply = { total, math.max(0, first + total - 1 - last) }
if start > last then
  reply[2] = 0
  return reply
end
for _, value in ipairs(redis.call('ZRANGE', list, start, last, 'REV', 'WITHSCORES')) do reply[#reply + 1] = value end
return reply
`,
  { isReadOnly: true },
);
