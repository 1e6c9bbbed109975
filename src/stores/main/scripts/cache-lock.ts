import { defineScript } from '../../../redis/script.ts';

/**
 * Keeps a lock for longer if it is still the caller's.
 *
 * KEYS 1 the lock. ARGV 1 the caller's token, 2 milliseconds from now. Returns 1 when it was.
 */
export const RENEW_LOCK = defineScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
`);

/**
 * Gives a lock back if it is still the caller's.
 *
 * KEYS 1 the lock. ARGV 1 the caller's token. Returns 1 when it was.
 */
export const RELEASE_LOCK = defineScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('UNLINK', KEYS[1])
`);
