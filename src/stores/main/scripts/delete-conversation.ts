import { defineScript } from '../../../redis/script.ts';
import { USER_INDEX } from './user-index.ts';

/**
 * Deletes a conversation wherever it is, and the entries that link it to its users.
 *
 * KEYS where the conversation may be, then the sorted set of its users. ARGV 1 conversation id.
 * Returns how many messages it had.
 */
export const DELETE_CONVERSATION = defineScript(`${USER_INDEX}
local messages = 0
for at = 1, #KEYS - 1 do messages = messages + redis.call('LLEN', KEYS[at]) end
for _, user in ipairs(redis.call('ZRANGE', KEYS[#KEYS], 0, -1)) do
  local conversations = user_conversations(user)
  if conversations then redis.call('ZREM', conversations, ARGV[1]) end
end
redis.call('UNLINK', unpack(KEYS))
return messages
`);
