import type { Database } from '../redis/databases.ts';
import { documentRecord } from '../schema/knowledge.ts';
import { type ChunkCount, countChunks } from '../stores/knowledge/generations/document-chunks.ts';
import { readShown } from '../stores/knowledge/generations/shown.ts';

/*
 * What maintenance looks at in one script where the keys of a document are on one server. On a cluster it looks in steps, and takes
 * for true only what the document shows before and after them, while nobody publishes or deletes it.
 */

/** A document by its key and its id. */
export interface DocumentPlace {
  readonly key: string;
  readonly docId: string;
}

const AT_ONCE = 32;

/** Counts the chunks of a document; `undefined` where it changed meanwhile, or is no document that can be counted. */
export async function countSettled(
  knowledge: Database,
  document: DocumentPlace,
): Promise<ChunkCount | undefined> {
  const count = await countChunks(knowledge, document);
  if (!count) return undefined;
  const { exists, generation, isHeld } = await readShown(knowledge, document.key);
  return exists && !isHeld && generation === count.generation ? count : undefined;
}

/** What an entry in a list of documents is compared with. */
export interface Membership {
  /** Whether there is a document of the collection, or with none given any. */
  readonly belongs: boolean;
  /** Somebody is publishing or deleting it. */
  readonly isHeld: boolean;
  readonly updatedAt: string;
}

/** Whether a document belongs to a list. */
export async function readMembership(
  knowledge: Database,
  docId: string,
  collection: string,
): Promise<Membership> {
  let [belongs, isHeld, updatedAt] = [false, false, ''];
  for (const key of documentRecord.key.candidates({ docId })) {
    isHeld ||= (await readShown(knowledge, key)).isHeld;
    const type = await knowledge.send<string>(['TYPE', key]);
    if (type !== 'hash') {
      belongs ||= type !== 'none' && collection === '';
      continue;
    }
    const names = ['HMGET', key, 'collection', 'updated_at'];
    const [owner, at] = await knowledge.send<(string | null)[]>(names);
    if (collection !== '' && owner !== collection) continue;
    belongs = true;
    updatedAt = at ?? '';
  }
  return { belongs, isHeld, updatedAt };
}

/** Does something for each item, for some at a time; gives what came of each, in order. */
export async function inBatches<T, Done>(
  items: readonly T[],
  work: (item: T) => Promise<Done>,
): Promise<Done[]> {
  const done: Done[] = [];
  for (let at = 0; at < items.length; at += AT_ONCE) {
    done.push(...(await Promise.all(items.slice(at, at + AT_ONCE).map(work))));
  }
  return done;
}
