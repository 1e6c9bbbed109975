import { defineScript } from '../../../redis/script.ts';
import { errorLogRecord } from '../../../schema/analytics.ts';

/**
 * Puts errors before those that are logged, drops the oldest beyond the limit and renews the TTL. In a script, as a
 * MULTI would set the TTL of a key that holds another type although its push has failed.
 *
 * KEYS one list. ARGV 1 how many to keep, then the elements, the newest last.
 * Returns how many are logged then.
 */
export const PUSH_ERRORS = defineScript(`
redis.call('LPUSH', KEYS[1], unpack(ARGV, 2))
redis.call('LTRIM', KEYS[1], 0, ARGV[1] - 1)
redis.call('EXPIRE', KEYS[1], ${errorLogRecord.ttlSeconds})
return redis.call('LLEN', KEYS[1])
`);
