import { slotText } from '../schema/key.ts';
import { firstKey, type RedisCommand } from './command.ts';
import type { Database } from './databases.ts';

/**
 * Carries out commands that belong together, each about one key; gives their replies. On a server they are one MULTI.
 * A cluster takes a MULTI of one slot only: there, commands that follow each other and are about one slot are one
 * MULTI, and the next ones are sent when it is done. Order them so that what a crash leaves undone does no harm.
 */
export async function writeInOrder<T = unknown>(
  database: Database,
  commands: readonly RedisCommand[],
): Promise<T[]> {
  const replies: T[] = [];
  for (const group of database.isCluster ? bySlot(commands) : [commands]) {
    replies.push(...(await database.transaction<T>(group)));
  }
  return replies;
}

function bySlot(commands: readonly RedisCommand[]): RedisCommand[][] {
  const groups: { slot: string; commands: RedisCommand[] }[] = [];
  for (const command of commands) {
    const slot = slotText(String(firstKey(command)));
    const last = groups.at(-1);
    if (last?.slot === slot) last.commands.push(command);
    else groups.push({ slot, commands: [command] });
  }
  return groups.map((group) => group.commands);
}
