import { defineScript } from '../../../redis/script.ts';

/**
 * Forgets a delivery whose task is done.
 *
 * KEYS 1 the delivery's processing list, 2 the leases, 3 the task's attempt counter where it has failed before.
 * Returns 1, or 0 when the task was put back before because the lease had ended.
 */
export const ACKNOWLEDGE_TASK = defineScript(`
redis.call('ZREM', KEYS[2], KEYS[1])
if redis.call('UNLINK', KEYS[1]) == 0 then return 0 end
if KEYS[3] then redis.call('UNLINK', KEYS[3]) end
return 1
`);

/**
 * Puts a task that failed among the delayed ones and counts the failure.
 *
 * KEYS 1 the delivery's processing list, 2 the leases, 3 the delayed tasks, 4 the task's attempt counter. ARGV 1 the
 * delay in milliseconds, 2 the delivery's id, 3 failures so far, 4 the counter's TTL in seconds.
 * Returns 1, or 0 when the task was put back before because the lease had ended.
 */
export const DELAY_TASK = defineScript(`
local element = redis.call('LINDEX', KEYS[1], 0)
if not element then return 0 end
local clock = redis.call('TIME')
local due = clock[1] * 1000 + math.floor(clock[2] / 1000) + ARGV[1]
redis.call('ZADD', KEYS[3], due, ARGV[2] .. ':' .. element)
redis.call('SET', KEYS[4], ARGV[3], 'EX', ARGV[4])
redis.call('UNLINK', KEYS[1])
redis.call('ZREM', KEYS[2], KEYS[1])
return 1
`);

/**
 * Makes a task a dead letter.
 *
 * KEYS 1 the delivery's processing list, 2 the leases, 3 the dead letters, 4 the task's attempt counter. ARGV 1 the
 * letter. Returns 1, or 0 when the task was put back before because the lease had ended.
 */
export const BURY_TASK = defineScript(`
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('LPUSH', KEYS[3], ARGV[1])
redis.call('UNLINK', KEYS[1], KEYS[4])
redis.call('ZREM', KEYS[2], KEYS[1])
return 1
`);

/**
 * Puts a task back to the right end of its queue, so that it is next, without counting a failure.
 *
 * KEYS 1 the delivery's processing list, 2 the leases, 3 the queue. Returns 1, or 0 when it was put back before.
 */
export const RELEASE_TASK = defineScript(`
local element = redis.call('LMOVE', KEYS[1], KEYS[3], 'LEFT', 'RIGHT')
redis.call('ZREM', KEYS[2], KEYS[1])
return element and 1 or 0
`);

/**
 * Puts the tasks of dead letters back into their queue, behind those that wait. They are looked for from the right end,
 * where the oldest are: so each is found at once when all are given, oldest first.
 *
 * KEYS 1 the dead letters, 2 the queue. ARGV a letter and its task's bytes in turn.
 * Returns how many there were; a letter that is gone by now is left out.
 */
export const REVIVE_TASKS = defineScript(`
local revived = 0
for at = 1, #ARGV, 2 do
  if redis.call('LPOS', KEYS[1], ARGV[at], 'RANK', -1) then
    redis.call('LPUSH', KEYS[2], ARGV[at + 1])
    redis.call('LREM', KEYS[1], -1, ARGV[at])
    revived = revived + 1
  end
end
return revived
`);
