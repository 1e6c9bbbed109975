import { defineScript } from '../../../redis/script.ts';

/**
 * Tells whether there is a cached body, or lets one of those who ask compute it, and counts which it was. The body is
 * read by a GET of the same pipeline: taken through Lua it would cost several times as much. What waiting callers took
 * from another's answer since the last call is counted along.
 *
 * KEYS 1 the counts, 2 the lock, 3 and on the places of the body. ARGV 1 the caller's token, 2 the lock's
 * milliseconds, 3 and 4 hits and misses not counted yet, 5 `1` to take the body there is for absent, as it is no JSON.
 * Returns one of `LOOKED_UP`.
 */
export const LOOK_UP_BODY = defineScript(
  lookUpBody({
    counted: `
local hits = ARGV[3] + (size > 0 and 1 or 0)
if hits ~= 0 then redis.call('HINCRBY', KEYS[1], 'hits', hits) end
if ARGV[4] ~= '0' then redis.call('HINCRBY', KEYS[1], 'misses', ARGV[4]) end`,
    missed: `redis.call('HINCRBY', KEYS[1], 'misses', 1)`,
  }),
);

/** The same without counting: of a cluster, where the counts lie in another slot. KEYS 1 may be any of the others. */
export const LOOK_UP_BODY_UNCOUNTED = defineScript(lookUpBody({ counted: '', missed: '' }));

function lookUpBody({ counted, missed }: { readonly counted: string; readonly missed: string }): string {
  return `
local size = 0
if ARGV[5] ~= '1' then
  for at = 3, #KEYS do
    -- Fails on a key of another type before anything is counted. An empty text is no JSON.
    size = size + redis.call('STRLEN', KEYS[at])
  end
end
${counted}
if size > 0 then return 1 end
if redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2]) then
  ${missed}
  return 2
end
if redis.call('PTTL', KEYS[2]) < 0 then redis.call('PEXPIRE', KEYS[2], ARGV[2]) end
return 3
`;
}

/** What `LOOK_UP_BODY` replies. */
export const LOOKED_UP = {
  found: 1,
  /** The lock is the caller's, who computes the body. */
  locked: 2,
  /** Another computes it. */
  underWay: 3,
} as const;
