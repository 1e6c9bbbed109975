import { defineScript } from '../../../redis/script.ts';
import { sessionRecord } from '../../../schema/main.ts';
import { USER_INDEX } from './user-index.ts';

const createSession = (remember: string) => `
for at = 1, #KEYS do
  if redis.call('EXISTS', KEYS[at]) == 1 then return 0 end
end
${remember}
redis.call('HSET', KEYS[#KEYS], unpack(ARGV, 4))
redis.call('EXPIRE', KEYS[#KEYS], ${sessionRecord.ttlSeconds})
return 1
`;

/**
 * Creates a session with its TTL and enters it in its user's index, unless its id is taken.
 *
 * KEYS where a session of this id may be, last where it is written. ARGV 1 session id, 2 user id, 3 conversation id or
 * empty, then field and value in turn.
 * Returns 1 when created, 0 when the id is taken.
 */
export const CREATE_SESSION = defineScript(
  USER_INDEX +
    createSession(`
-- The index first: an entry without its session is cleaned away, a session without its entry would never be listed.
remember_session(ARGV[1], ARGV[2], ARGV[3], now_ms())`),
);

/** The same without any index: of a cluster, where they lie in other slots and are seen to before and afterwards. */
export const CREATE_SESSION_ALONE = defineScript(createSession(''));
