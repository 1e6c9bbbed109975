import { defineScript } from '../../../redis/script.ts';
import { ENCODE_BYTES } from './encode-bytes.ts';

/**
 * What every taking of a task does first, in Lua: moves a foreign list into the queue, puts back due retries, and puts
 * back tasks whose lease ended, to the right end, so that they are next. A task whose workers died too often becomes
 * a dead letter. New places are written before old ones are removed: an error half-way repeats a task, never loses one.
 *
 * KEYS 1 the queue, 2 the leases, 3 the delayed tasks, 4 the dead letters, 5 another writer's list of the same queue or
 * the queue again. ARGV 1 what the keys of attempt counters begin with, 2 their TTL in seconds, 3 failures after which a
 * task is given up, 4 the time as ISO 8601, for dead letters. The processing lists named by leases, and the counters, lie
 * on the same server, and of a cluster in the same slot.
 * Gives `now`, the server's clock in Unix milliseconds.
 */
export const TEND_LUA = `
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
if KEYS[5] ~= KEYS[1] then
  for _ = 1, 1000 do
    if not redis.call('LMOVE', KEYS[5], KEYS[1], 'RIGHT', 'LEFT') then break end
  end
end
local due = redis.call('ZRANGE', KEYS[3], '-inf', now, 'BYSCORE', 'LIMIT', 0, 100)
for _, member in ipairs(due) do
  local colon = string.find(member, ':', 1, true)
  redis.call('LPUSH', KEYS[1], string.sub(member, colon + 1))
  redis.call('ZREM', KEYS[3], member)
end
local recovered, buried = 0, 0
local ended = redis.call('ZRANGE', KEYS[2], '-inf', now, 'BYSCORE', 'LIMIT', 0, 100)
for at = #ended, 1, -1 do
  local processing = ended[at]
  local element = redis.call('LINDEX', processing, 0)
  if element then
    local attempts = ARGV[1] .. redis.sha1hex(element)
    local failures = redis.call('INCR', attempts)
    redis.call('EXPIRE', attempts, ARGV[2])
    if failures >= tonumber(ARGV[3]) then
      local reason = 'its worker died or stalled, ' .. failures .. ' attempts in all'
      local letter = { element = element, error = reason, attempts = failures, failed_at = ARGV[4] }
${ENCODE_BYTES}
      if not is_utf8(element) then letter.element, letter.encoding = base64(element), 'base64' end
      redis.call('LPUSH', KEYS[4], cjson.encode(letter))
      redis.call('UNLINK', attempts)
      buried = buried + 1
    else
      redis.call('RPUSH', KEYS[1], element)
      recovered = recovered + 1
    end
    redis.call('UNLINK', processing)
  end
  redis.call('ZREM', KEYS[2], processing)
end
`;

/**
 * Tends a queue and does nothing else.
 *
 * KEYS and ARGV as for `TEND_LUA`. Returns how many tasks went back because their lease ended, how many of such became
 * dead letters, how many due retries went back.
 */
export const TEND_QUEUE = defineScript(`${TEND_LUA}
return { recovered, buried, #due }
`);
