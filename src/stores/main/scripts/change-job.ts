import { defineScript } from '../../../redis/script.ts';

/**
 * Changes an ingest job that is in one of some states.
 *
 * KEYS 1 the job. ARGV 1 the states, each between commas; 2 the job's TTL in seconds; 3 a field with which it stays as it is,
 * or empty; then fields and values in turn, or none to ask only.
 * Returns nothing when there is no such job, it is in another state or has that field, else whether it is to be cancelled, as stored or
 * empty.
 */
export const CHANGE_JOB = defineScript(`
local state = redis.call('HGET', KEYS[1], 'state')
if not state or not string.find(ARGV[1], ',' .. state .. ',', 1, true) then return nil end
if ARGV[3] ~= '' and redis.call('HEXISTS', KEYS[1], ARGV[3]) == 1 then return nil end
if #ARGV > 3 then
  redis.call('HSET', KEYS[1], unpack(ARGV, 4))
  redis.call('HINCRBY', KEYS[1], 'revision', 1)
end
redis.call('EXPIRE', KEYS[1], ARGV[2])
return redis.call('HGET', KEYS[1], 'cancel_requested') or ''
`);
