import { defineScript } from '../../../redis/script.ts';
import { USER_INDEX } from './user-index.ts';

/**
 * Makes a user one of those a conversation belongs to, for as long as a conversation lives.
 *
 * KEYS the sorted set of the conversation's users, that of the user's conversations. ARGV 1 conversation id, 2 user id.
 * Returns 1.
 */
export const LINK_CONVERSATION = defineScript(`${USER_INDEX}
link(ARGV[2], ARGV[1], now_ms())
return 1
`);
