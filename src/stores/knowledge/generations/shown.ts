import type { Database } from '../../../redis/databases.ts';
import { runScript } from '../../../redis/script.ts';
import { publicationKey } from './places.ts';
import { READ_SHOWN } from './scripts/publication.ts';

/** What a document shows at one moment. */
export interface Shown {
  readonly exists: boolean;
  /** The stored text of its generation; empty where it has none. */
  readonly generation: string;
  /** Somebody is publishing or deleting it. */
  readonly isHeld: boolean;
  /** That was begun and has not ended: it is held, or its process was killed or is held up. */
  readonly isUnfinished: boolean;
}

/** What the document at a key shows now. Throws `invalid_input` where braces in its id keep it from being published in steps. */
export async function readShown(database: Database, key: string): Promise<Shown> {
  const keys = [key, publicationKey(key)];
  const reply = await runScript<[number, string, number, number]>(database, READ_SHOWN, { keys });
  const [exists, generation, isHeld, isUnfinished] = reply;
  return { exists: exists === 1, generation, isHeld: isHeld === 1, isUnfinished: isUnfinished === 1 };
}
