import { defineScript } from '../../../redis/script.ts';

/**
 * Announces a delivery that is about to wait for a task, so that what it gets is under a lease from the first moment.
 *
 * KEYS 1 the leases, 2 the delivery's processing list. ARGV 1 the lease in milliseconds.
 */
export const ANNOUNCE_DELIVERY = defineScript(`
local clock = redis.call('TIME')
return redis.call('ZADD', KEYS[1], clock[1] * 1000 + math.floor(clock[2] / 1000) + ARGV[1], KEYS[2])
`);

/**
 * Begins the lease of a task that came while its delivery waited.
 *
 * KEYS 1 the leases, 2 the delivery's processing list, 3 the task's attempt counter. ARGV 1 the lease in milliseconds.
 * Returns how often the task has failed, -1 when it was put back before.
 */
export const HOLD_TASK = defineScript(`
if redis.call('EXISTS', KEYS[2]) == 0 then return -1 end
local clock = redis.call('TIME')
redis.call('ZADD', KEYS[1], clock[1] * 1000 + math.floor(clock[2] / 1000) + ARGV[1], KEYS[2])
return tonumber(redis.call('GET', KEYS[3]) or 0)
`);

/**
 * Renews the leases of deliveries that still have their tasks.
 *
 * KEYS 1 the leases, then the processing lists. ARGV 1 the lease in milliseconds.
 * Returns for each processing list 1, or 0 when its task was put back or settled.
 */
export const RENEW_LEASES = defineScript(`
local clock = redis.call('TIME')
local ends = clock[1] * 1000 + math.floor(clock[2] / 1000) + ARGV[1]
local held = {}
for at = 2, #KEYS do
  held[at - 1] = redis.call('EXISTS', KEYS[at])
  if held[at - 1] == 1 then redis.call('ZADD', KEYS[1], ends, KEYS[at]) end
end
return held
`);
