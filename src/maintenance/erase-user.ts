import { StackloreError } from '../errors.ts';
import type { Database, Databases } from '../redis/databases.ts';
import { scanKeys } from '../redis/scan.ts';
import { unlinkOwned } from '../redis/unlink-owned.ts';
import { namedWrongType } from '../redis/wrong-type.ts';
import { checkId } from '../schema/key.ts';
import { factRecord } from '../schema/knowledge.ts';
import { conversationRecord, sessionRecord, userConversationsRecord } from '../schema/main.ts';
import type { AnyRecord } from '../schema/record.ts';
import { RECORDS } from '../schema/records.ts';
import { checkObject } from '../stores/main/check-input.ts';
import type { Conversations } from '../stores/main/conversations.ts';
import { findJobsOfUser } from './jobs-of-user.ts';

/** What an erasure works with. */
export interface ErasureParts {
  readonly databases: Databases;
  readonly conversations: Conversations;
}

/** What was held about a user. */
export interface ErasureReport {
  readonly userId: string;
  /** True when nothing was deleted. */
  readonly dryRun: boolean;
  /** How many keys of each record family were deleted, or would be; families as docs/schema.md names them. */
  readonly families: Readonly<Record<string, number>>;
  readonly total: number;
}

const KEYS_PER_COMMAND = 500;

/**
 * Deletes everything held about one user id: the sessions, those other programs wrote too; the conversations they are or
 * were linked to; the user's facts; ingest jobs that count for the user, with what was uploaded for them; and every record whose key names the user, such as prompts, usage and indexes. With `dryRun` it only
 * tells what that is. What is written meanwhile may stay: end the user's access first. Repeated, it finishes what was
 * interrupted.
 */
export async function eraseUser(
  { databases, conversations }: ErasureParts,
  userId: string,
  options: { dryRun?: boolean } = {},
): Promise<ErasureReport> {
  checkId('userId', userId);
  // A misspelt option must not delete what was only to be counted.
  checkObject(options, 'request for an erasure', ['dryRun']);
  const { dryRun = false } = options;
  if (typeof dryRun !== 'boolean') {
    throw new StackloreError('invalid_input', {
      message: 'dryRun must be true or false. Nothing was deleted.',
    });
  }
  const sessions = await findSessions(databases.main, userId);
  const linked = await findConversations(databases.main, userId, sessions);
  const facts = await findFacts(databases.knowledge, userId);
  const { jobs, belongings } = await findJobsOfUser(databases.main, userId);
  const named = await findNamedKeys(databases, userId);
  if (!dryRun) {
    // Sessions after the conversations that are found by them, indexes last: an interrupted run can be repeated.
    for (const { conversationId } of linked) await deleteIfThere(conversations, conversationId);
    for (const keys of inParts([...sessions.keys()])) {
      await unlinkOwned(databases.main, keys, userId);
    }
    for (const keys of inParts(facts)) await unlinkOwned(databases.knowledge, keys, userId);
    // A job after what was uploaded for it, which is found by it.
    for (const keys of Object.values(belongings).flatMap(inParts)) {
      await databases.main.send(['UNLINK', ...keys]);
    }
    for (const keys of inParts(jobs)) await unlinkOwned(databases.main, keys, userId);
    for (const { database, keys } of named) {
      for (const part of inParts(keys)) await database.send(['UNLINK', ...part]);
    }
  }
  const families = {
    session: sessions.size,
    fact: facts.length,
    'ingest job': jobs.length,
    ...Object.fromEntries(Object.entries(belongings).map(([family, keys]) => [family, keys.length])),
    conversation: linked.filter(({ exists }) => exists).length,
    ...Object.fromEntries(named.map(({ family, keys }) => [family, keys.length])),
  };
  return { userId, dryRun, families, total: Object.values(families).reduce((sum, one) => sum + one, 0) };
}

/** The keys of the user's sessions with their conversations. A scan, to find those too that no index of ours knows. */
async function findSessions(main: Database, userId: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for await (const keys of scanKeys(main, sessionRecord.key.pattern, { type: 'hash' })) {
    const owners = await main.pipeline<(string | null)[]>(
      keys.map((key) => ['HMGET', key, 'user_id', 'conversation_id']),
    );
    for (const [at, [owner, conversationId]] of owners.entries()) {
      if (owner === userId) found.set(keys[at] ?? '', conversationId ?? '');
    }
  }
  return found;
}

/** The keys of the facts that are the user's. A scan, as an index may be lost or not have taken one in. */
async function findFacts(knowledge: Database, userId: string): Promise<string[]> {
  const found = new Set<string>();
  for await (const keys of scanKeys(knowledge, factRecord.key.pattern, { type: 'hash' })) {
    const owners = await knowledge.pipeline<string | null>(keys.map((key) => ['HGET', key, 'user_id']));
    for (const [at, key] of keys.entries()) if (owners[at] === userId) found.add(key);
  }
  return [...found];
}

interface LinkedConversation {
  readonly conversationId: string;
  /** False when it has no messages (any more), though something may still name it. */
  readonly exists: boolean;
}

/** The conversations that the user's sessions are linked to, and those that earlier sessions were. */
async function findConversations(
  main: Database,
  userId: string,
  sessions: ReadonlyMap<string, string>,
): Promise<LinkedConversation[]> {
  const index = userConversationsRecord.key.build({ userId });
  const entered = await main.send<string[]>(['ZRANGE', index, '0', '-1']).catch(async (error: unknown) => {
    throw await namedWrongType(main, error, new Map([[index, 'zset']]));
  });
  const ids = [...new Set([...entered, ...sessions.values()])].filter(isUsable);
  const found = await main.pipeline<number>(
    ids.map((conversationId) => ['EXISTS', ...conversationRecord.key.candidates({ conversationId })]),
  );
  return ids.map((conversationId, at) => ({ conversationId, exists: Number(found[at]) > 0 }));
}

/** False for what other writers put in place of an id and no key can carry. */
function isUsable(conversationId: string): boolean {
  try {
    checkId('conversationId', conversationId);
    return true;
  } catch {
    return false;
  }
}

interface NamedKeys {
  readonly family: string;
  readonly database: Database;
  readonly keys: readonly string[];
}

/** Every key that names the user where its record says so. Keys of ids that only look alike are not among them. */
async function findNamedKeys(databases: Databases, userId: string): Promise<NamedKeys[]> {
  const found: NamedKeys[] = [];
  for (const [family, record] of Object.entries<AnyRecord>(RECORDS)) {
    if (!record.key.template.includes('{userId}')) continue;
    const keys = new Set<string>();
    for (const pattern of record.key.patternsOf({ userId })) {
      for await (const page of scanKeys(databases[record.database], pattern)) {
        for (const key of page) if (ownerOf(record, key) === userId) keys.add(key);
      }
    }
    found.push({ family, database: databases[record.database], keys: [...keys] });
  }
  return found;
}

function ownerOf({ key: template }: AnyRecord, key: string): string | undefined {
  const ids: Readonly<Record<string, string>> | undefined = template.parse(key);
  return ids?.userId;
}

async function deleteIfThere(conversations: Conversations, conversationId: string): Promise<void> {
  await conversations.delete(conversationId).catch((error: unknown) => {
    if (!(error instanceof StackloreError && error.code === 'not_found')) throw error;
  });
}

function inParts(keys: readonly string[]): string[][] {
  const parts: string[][] = [];
  for (let at = 0; at < keys.length; at += KEYS_PER_COMMAND)
    parts.push(keys.slice(at, at + KEYS_PER_COMMAND));
  return parts;
}
