import type { Database } from './databases.ts';
import { defineScript, runOverKeys } from './script.ts';

/**
 * Deletes hashes that are still a user's: one of them may be gone meanwhile and its id been given to another user.
 *
 * KEYS the hashes. ARGV 1 user id.
 * Returns how many were deleted.
 */
const UNLINK_OWNED = defineScript(`
local deleted = 0
for at = 1, #KEYS do
  if redis.call('TYPE', KEYS[at]).ok == 'hash' and redis.call('HGET', KEYS[at], 'user_id') == ARGV[1] then
    deleted = deleted + redis.call('UNLINK', KEYS[at])
  end
end
return deleted
`);

/** Deletes those of these hashes whose `user_id` is this user; gives how many. */
export async function unlinkOwned(
  database: Database,
  keys: readonly string[],
  userId: string,
): Promise<number> {
  const deleted = await runOverKeys<number>(database, UNLINK_OWNED, { keys, args: [userId] });
  return deleted.reduce((sum, count) => sum + count, 0);
}
