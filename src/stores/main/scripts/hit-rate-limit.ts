import { defineScript } from '../../../redis/script.ts';

/**
 * Counts a request in the client's window if that leaves it within the limit; a refused one changes nothing. The first
 * request opens the window. A counter that would never end, or end later than a window, as other writers may leave
 * it, is given a window from now on.
 *
 * KEYS where the counter may be; what is absent is written to the last. ARGV 1 limit, 2 milliseconds of the window,
 * 3 how much the request counts; 0 only looks.
 * Returns 1 or 0 for allowed or refused, the count, milliseconds until the window ends (0: none is open), and the
 * server's time in milliseconds; or the key alone when it holds no whole number.
 */
export const HIT_RATE_LIMIT = defineScript(`
local key = KEYS[#KEYS]
local stored = redis.call('GET', key)
for at = 1, #KEYS - 1 do
  local other = redis.call('GET', KEYS[at])
  if other then key, stored = KEYS[at], other end
end
if stored and not string.match(stored, '^-?%d+$') then return {key} end
local limit, window, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local count = tonumber(stored or '0')
local left = stored and redis.call('PTTL', key) or 0
if cost > 0 and stored and (left < 0 or left > window) then
  redis.call('PEXPIRE', key, window)
  left = window
end
local allowed = count + math.max(cost, 1) <= limit
if allowed and cost > 0 then
  if stored then
    count = redis.call('INCRBY', key, cost)
  else
    redis.call('SET', key, cost, 'PX', window)
    count, left = cost, window
  end
end
local now = redis.call('TIME')
return {allowed and 1 or 0, count, math.max(left, 0), now[1] * 1000 + math.floor(now[2] / 1000)}
`);
