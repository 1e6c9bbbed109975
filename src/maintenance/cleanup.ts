import type { z } from 'zod';
import { StackloreError } from '../errors.ts';
import type { Databases } from '../redis/databases.ts';
import { deadLetterRecord, responseCacheRecord } from '../schema/main.ts';
import { cleanupRequest, parseMaintenanceRequest } from '../schema/maintenance-request.ts';
import type { DeadLetters } from '../stores/main/dead-letters.ts';
import { type AnalyticsDeletion, deleteAnalyticsBefore } from './analytics-retention.ts';
import { type Removal, removeEmptyDocuments, removeOrphans } from './orphans.ts';
import { pacedKeys } from './paced-keys.ts';

/** What to remove; nothing is removed that was not asked for. */
export type CleanupRequest = z.input<typeof cleanupRequest> & { readonly signal?: AbortSignal };

/** How much went of each kind that was asked for, or with `dryRun` would. */
export interface CleanupReport {
  readonly dryRun: boolean;
  /** Cached response bodies. */
  readonly cache?: number;
  readonly analytics?: AnalyticsDeletion;
  /** Chunks whose document is gone. */
  readonly orphans?: number;
  /** Documents without a chunk. */
  readonly emptyDocuments?: number;
  readonly deadLetters?: number;
  readonly total: number;
}

export interface CleanupParts {
  readonly databases: Databases;
  readonly deadLetters: DeadLetters;
}

/**
 * Removes what nobody needs any more, batch by batch, at a pace that leaves the server to others. Keys of no record
 * family are never touched. Repeated, it finishes what was interrupted.
 */
export async function cleanUp(parts: CleanupParts, request: CleanupRequest): Promise<CleanupReport> {
  const { signal, ...plain } = request;
  const { all, dryRun, analyticsBefore, ...asked } = parseMaintenanceRequest(cleanupRequest, plain);
  const { main, knowledge, analytics } = parts.databases;
  const removal: Removal = { dryRun, signal };
  if (!all && analyticsBefore === undefined && !Object.values(asked).includes(true)) {
    throw new StackloreError('invalid_input', {
      message:
        'Nothing was chosen, so nothing was deleted. Choose cache, analytics before a date, orphans, empty documents or dead letters, or all of them.',
    });
  }
  // Before the others: a date that cannot be read ends it with nothing deleted.
  const removedAnalytics =
    analyticsBefore === undefined
      ? undefined
      : await deleteAnalyticsBefore(analytics, analyticsBefore, { dryRun, ...(signal && { signal }) });
  const counts = {
    ...((all || asked.cache) && { cache: await removeCache(parts.databases, removal) }),
    ...((all || asked.orphans) && { orphans: await removeOrphans(knowledge, removal) }),
    ...((all || asked.emptyDocuments) && { emptyDocuments: await removeEmptyDocuments(knowledge, removal) }),
    ...((all || asked.deadLetters) && {
      deadLetters: await purgeDeadLetters(main, parts.deadLetters, removal),
    }),
  };
  const counted = Object.values(counts).reduce((sum, count) => sum + count, 0);
  return {
    dryRun,
    ...counts,
    ...(removedAnalytics && { analytics: removedAnalytics }),
    total: counted + (removedAnalytics?.total ?? 0),
  };
}

async function removeCache({ main }: Databases, { dryRun, ...pace }: Removal): Promise<number> {
  const { key } = responseCacheRecord;
  let removed = 0;
  for await (const page of pacedKeys(main, key.pattern, { ...pace, type: 'string' })) {
    const keys = page.filter((one) => key.parse(one));
    if (keys.length > 0) removed += await main.send<number>([dryRun ? 'EXISTS' : 'UNLINK', ...keys]);
  }
  return removed;
}

async function purgeDeadLetters(
  main: Databases['main'],
  deadLetters: DeadLetters,
  { dryRun, ...pace }: Removal,
): Promise<number> {
  const { key } = deadLetterRecord;
  let removed = 0;
  for await (const page of pacedKeys(main, key.pattern, { ...pace, type: 'list' })) {
    for (const one of page) {
      const queue = key.parse(one)?.queueName;
      if (queue === undefined || key.build({ queueName: queue }) !== one) continue;
      removed += dryRun ? await main.send<number>(['LLEN', one]) : await deadLetters.purge(queue);
    }
  }
  return removed;
}
