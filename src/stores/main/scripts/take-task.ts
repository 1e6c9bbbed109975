import { defineScript } from '../../../redis/script.ts';
import { TEND_LUA } from './tend-queue.ts';

/** How much of the queue's tail is looked at for the highest priority, beside the number of tasks. */
export const PRIORITY_WINDOW_BYTES = 1_000_000;

/**
 * Takes the next task under a lease: the rightmost, or the one of highest priority among the rightmost, the oldest of
 * equals. What is no task counts as highest, so that it is found out and does not fill the window.
 *
 * KEYS 1 to 5 as for `TEND_LUA`, 6 the delivery's processing list. ARGV 1 to 4 as for `TEND_LUA`, 5 the lease in
 * milliseconds, 6 how many tasks to choose from by priority; 0: by age.
 * Returns the element and how often it has failed, or nil and the milliseconds until a retry or a lease is due (-1:
 * none). An earlier registration of the delivery is removed when there is no task.
 */
export const TAKE_TASK = defineScript(`${TEND_LUA}
local function priority_of(element)
  local is_json, task = pcall(cjson.decode, element)
  local priority = is_json and type(task) == 'table' and task.priority
  if type(priority) ~= 'number' then return 10 end
  return priority
end
local function choose(window)
  local best, highest, bytes
  bytes = 0
  for at = -1, -window, -1 do
    local element = redis.call('LINDEX', KEYS[1], at)
    if not element then break end
    bytes = bytes + #element
    if best and bytes > ${PRIORITY_WINDOW_BYTES} then break end
    local priority = priority_of(element)
    if not best or priority > highest then best, highest = element, priority end
    if highest >= 10 then break end
  end
  if not best then return false end
  redis.call('RPUSH', KEYS[6], best)
  redis.call('LREM', KEYS[1], -1, best)
  return best
end
local element
local window = tonumber(ARGV[6])
if window > 0 then element = choose(window)
else element = redis.call('LMOVE', KEYS[1], KEYS[6], 'RIGHT', 'LEFT') end
if element then
  redis.call('ZADD', KEYS[2], now + ARGV[5], KEYS[6])
  return { element, tonumber(redis.call('GET', ARGV[1] .. redis.sha1hex(element)) or 0) }
end
redis.call('ZREM', KEYS[2], KEYS[6])
local wait = -1
for _, key in ipairs({ KEYS[2], KEYS[3] }) do
  local first = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')
  if first[2] and (wait < 0 or first[2] - now < wait) then wait = math.max(0, first[2] - now) end
end
return { false, wait }
`);
