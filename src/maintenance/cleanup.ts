import type { z } from 'zod';
import { StackloreError } from '../errors.ts';
import type { Database, Databases } from '../redis/databases.ts';
import { redisTypeOf } from '../schema/families.ts';
import { cachedQuestionRecord } from '../schema/knowledge.ts';
import { deadLetterRecord, responseCacheRecord } from '../schema/main.ts';
import { cleanupRequest, parseMaintenanceRequest } from '../schema/maintenance-request.ts';
import type { AnyRecord } from '../schema/record.ts';
import type { DeadLetters } from '../stores/main/dead-letters.ts';
import { type AnalyticsDeletion, deleteAnalyticsBefore } from './analytics-retention.ts';
import { requireNoArrivals } from './arrivals.ts';
import { type Removal, removeEmptyDocuments, removeOrphans } from './orphans.ts';
import { pacedKeys } from './paced-keys.ts';
import { Sample } from './sample.ts';
import { removeStagedLeftovers } from './staged-leftovers.ts';
import { finishPublications } from './unfinished-publications.ts';

/** What to remove; nothing is removed that was not asked for. */
export type CleanupRequest = z.input<typeof cleanupRequest> & { readonly signal?: AbortSignal };

/** How much of a kind went, or with `dryRun` would, and the first few of it. */
export interface Removed {
  readonly count: number;
  readonly examples: readonly string[];
}

/** What went of each kind that was asked for, or with `dryRun` would. */
export interface CleanupReport {
  /** True when nothing was deleted. */
  readonly dryRun: boolean;
  /** Cached response bodies, and the questions that were asked for them, by key. */
  readonly cache?: Removed;
  readonly analytics?: AnalyticsDeletion;
  /** Chunks whose document is gone, and what was staged for a reindex that is no more, by key. */
  readonly orphans?: Removed;
  /** Documents without a chunk, by id. */
  readonly emptyDocuments?: Removed;
  /** Tasks that were given up, by queue. */
  readonly deadLetters?: Removed;
  readonly total: number;
}

export interface CleanupParts {
  readonly databases: Databases;
  readonly deadLetters: DeadLetters;
}

/**
 * Removes what nobody needs any more, batch by batch, at a pace that leaves the server to others. Keys of no record
 * family are never touched. Repeated, it finishes what was interrupted. Throws `busy` with nothing deleted while a restore
 * or a migration brings in chunks or documents that would be looked at.
 */
export async function cleanUp(parts: CleanupParts, request: CleanupRequest): Promise<CleanupReport> {
  const { signal, ...plain } = request;
  const checked = parseMaintenanceRequest(cleanupRequest, plain);
  const { all, dryRun, analyticsBefore, keysPerSecond, ...asked } = checked;
  const { main, knowledge, analytics } = parts.databases;
  const removal: Removal = { dryRun, keysPerSecond, signal };
  if (!all && analyticsBefore === undefined && !Object.values(asked).includes(true)) {
    throw new StackloreError('invalid_input', {
      message:
        'Nothing was chosen, so nothing was deleted. Choose cache, analyticsBefore with a date, orphans, emptyDocuments or deadLetters, or all.',
    });
  }
  const unlinksKnowledge = all || asked.orphans || asked.emptyDocuments;
  if (unlinksKnowledge && !dryRun) await requireNoArrivals(knowledge);
  // Before the others: a date that cannot be read ends it with nothing deleted.
  const fromAnalytics =
    analyticsBefore === undefined
      ? undefined
      : await deleteAnalyticsBefore(analytics, analyticsBefore, {
          dryRun,
          ...(keysPerSecond !== undefined && { keysPerSecond }),
          ...(signal && { signal }),
        });
  const removed = {
    ...((all || asked.cache) && { cache: await removeCache(parts.databases, removal) }),
    ...((all || asked.orphans) && { orphans: await removeAllOrphans(knowledge, removal) }),
    ...((all || asked.emptyDocuments) && { emptyDocuments: await removeEmptyDocuments(knowledge, removal) }),
    ...((all || asked.deadLetters) && {
      deadLetters: await purgeDeadLetters(main, parts.deadLetters, removal),
    }),
  };
  const told = Object.entries(removed).map(
    ([kind, { count, examples }]) => [kind, { count, examples }] as const,
  );
  return {
    dryRun,
    ...Object.fromEntries(told),
    ...(fromAnalytics && { analytics: fromAnalytics }),
    total: told.reduce((sum, [, { count }]) => sum + count, fromAnalytics?.total ?? 0),
  };
}

async function removeAllOrphans(knowledge: Database, removal: Removal): Promise<Sample> {
  // First: what it finishes is nobody's orphan.
  await finishPublications(knowledge, removal, new Sample());
  const removed = await removeOrphans(knowledge, removal);
  await removeStagedLeftovers(knowledge, removal, removed);
  return removed;
}

async function removeCache({ main, knowledge }: Databases, removal: Removal): Promise<Sample> {
  const removed = new Sample();
  await removeKeys(main, { record: responseCacheRecord, removal, removed });
  await removeKeys(knowledge, { record: cachedQuestionRecord, removal, removed });
  return removed;
}

async function removeKeys(
  database: Database,
  { record, removal, removed }: { record: AnyRecord; removal: Removal; removed: Sample },
): Promise<void> {
  const { key } = record;
  const { dryRun, ...pace } = removal;
  for await (const page of pacedKeys(database, key.pattern, { ...pace, type: redisTypeOf(record) })) {
    const keys = page.filter((one) => key.parse(one));
    const command = dryRun ? 'EXISTS' : 'UNLINK';
    // One key a command: on a cluster they lie on different nodes.
    const counts = await database.pipeline<number>(keys.map((one) => [command, one]));
    for (const [at, one] of keys.entries()) if (counts[at] === 1) removed.add(one);
  }
}

async function purgeDeadLetters(
  main: Database,
  deadLetters: DeadLetters,
  { dryRun, ...pace }: Removal,
): Promise<Sample> {
  const { key } = deadLetterRecord;
  const removed = new Sample();
  for await (const page of pacedKeys(main, key.pattern, { ...pace, type: 'list' })) {
    for (const one of page) {
      const queueName = key.parse(one)?.queueName;
      // Only stacklore writes these, so another form of the key is nobody's.
      if (queueName === undefined || key.buildOn(main, { queueName }) !== one) continue;
      const count = dryRun ? await main.send<number>(['LLEN', one]) : await deadLetters.purge(queueName);
      if (count > 0) removed.add(queueName, count);
    }
  }
  return removed;
}
