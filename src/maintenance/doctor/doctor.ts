import type { z } from 'zod';
import { errorMessage, RecordError, StackloreError } from '../../errors.ts';
import { requireSearch } from '../../redis/search-module.ts';
import { diagnosisRequest, parseMaintenanceRequest } from '../../schema/maintenance-request.ts';
import type { Collection } from '../../stores/knowledge/collections.ts';
import { requireNoArrivals } from '../arrivals.ts';
import { allDatabaseNames } from '../keyspace.ts';
import { rightsCheck, transportCheck } from './access.ts';
import type { Check, DoctorParts, Examination, Problem } from './check.ts';
import { chunkCheck } from './chunks.ts';
import { documentIndexCheck, emptyDocumentCheck } from './documents.ts';
import { factCheck } from './facts.ts';
import { ghostCheck } from './ghosts.ts';
import { collectionIndexCheck, foreignIndexCheck, leftoverIndexCheck } from './indexes.ts';
import { missingChunkCheck } from './missing-chunks.ts';
import { modelCheck } from './models.ts';
import { packingCheck } from './packing.ts';
import { publicationCheck } from './publications.ts';
import { serverSettingsCheck } from './server.ts';
import { stagedCheck } from './staged.ts';
import { ttlCheck } from './ttl.ts';
import { vectorFieldCheck } from './vector-fields.ts';

export type DiagnosisRequest = z.input<typeof diagnosisRequest> & { readonly signal?: AbortSignal };

/** Something that is wrong or may become so. */
export interface Finding extends Omit<Problem, 'repair'> {
  readonly check: string;
  /** Whether the doctor can put it right. */
  readonly isFixable: boolean;
  /** Whether it did; absent when it was not asked to, or cannot. */
  readonly isFixed?: boolean;
  /** Why it could not, although it was asked to. */
  readonly failure?: string;
}

export interface Diagnosis {
  readonly findings: readonly Finding[];
  /** Findings that were not put right, by severity. */
  readonly errors: number;
  readonly warnings: number;
}

const CHECKS: readonly Check[] = [
  ...[serverSettingsCheck, collectionIndexCheck, foreignIndexCheck, leftoverIndexCheck, modelCheck],
  ...[ghostCheck, chunkCheck, missingChunkCheck, emptyDocumentCheck, documentIndexCheck, factCheck, ttlCheck],
  ...[vectorFieldCheck, packingCheck, publicationCheck, stagedCheck, rightsCheck, transportCheck],
];
const KEYS_PER_SECOND = 200_000;

/**
 * Looks at everything that can be wrong, and with `fix` puts right what can be without losing anything. Throws `busy`
 * when told to fix while a restore or a migration brings records in.
 */
export async function diagnose(parts: DoctorParts, request: DiagnosisRequest = {}): Promise<Diagnosis> {
  const { signal, ...plain } = request;
  const { fix } = parseMaintenanceRequest(diagnosisRequest, plain);
  const findings: Finding[] = [];
  const add = async (check: string, problems: readonly Problem[]) => {
    for (const { repair, ...problem } of problems) {
      const outcome = fix && repair ? await attempt(repair) : {};
      findings.push({ check, ...problem, isFixable: repair !== undefined, ...outcome });
    }
  };
  const { examination, problems, canSearch } = await examine(parts, signal);
  if (fix && examination.reachable.includes('knowledge')) await requireNoArrivals(parts.databases.knowledge);
  await add('databases', problems);
  for (const check of CHECKS) {
    if (check.needs !== 'nothing' && !examination.reachable.includes('knowledge')) continue;
    if (check.needs === 'search' && !canSearch) continue;
    await add(check.name, await findIn(check, examination));
  }
  const remaining = findings.filter(({ isFixed }) => isFixed !== true);
  const errors = remaining.filter(({ severity }) => severity === 'error').length;
  return { findings, errors, warnings: remaining.length - errors };
}

async function attempt(repair: () => Promise<boolean>): Promise<Pick<Finding, 'isFixed' | 'failure'>> {
  try {
    return { isFixed: await repair() };
  } catch (error) {
    rethrowAborted(error);
    return { isFixed: false, failure: errorMessage(error) };
  }
}

/** Finds out what can be looked at: databases that are away and records that cannot be read are findings. */
async function examine(parts: DoctorParts, signal: AbortSignal | undefined) {
  const problems: Problem[] = [];
  const names = allDatabaseNames();
  const answers = await Promise.allSettled(names.map((name) => parts.databases[name].send(['PING'])));
  for (const [at, answer] of answers.entries()) {
    if (answer.status === 'fulfilled') continue;
    problems.push({
      severity: 'error',
      what: `The ${names[at]} database gives no answer.`,
      why: 'Nothing in it can be read or written, or looked at here.',
      fix: errorMessage(answer.reason),
    });
  }
  const reachable = names.filter((_, at) => answers[at]?.status === 'fulfilled');
  const { known, unreadable } = reachable.includes('knowledge')
    ? await readCollections(parts, problems)
    : { known: [], unreadable: [] };
  const canSearch = reachable.includes('knowledge') && (await isSearchable(parts, problems));
  const pace = { keysPerSecond: KEYS_PER_SECOND, signal };
  const examination: Examination = { ...parts, reachable, known, unreadable, pace };
  return { examination, problems, canSearch };
}

async function readCollections(
  { collections }: DoctorParts,
  problems: Problem[],
): Promise<Pick<Examination, 'known' | 'unreadable'>> {
  const known: Collection[] = [];
  const unreadable: string[] = [];
  const report = (error: unknown): void => {
    const isNewer = error instanceof RecordError && error.isNewer;
    problems.push({
      severity: 'error',
      what: errorMessage(error),
      why: 'The collection can neither be searched nor added to.',
      fix: isNewer
        ? 'Update stacklore here, and leave that key as it is: it is right for those who wrote it.'
        : 'Restore that key from a backup, or delete it and create the collection again; its chunks stay.',
    });
  };
  const names = await collections.names().catch((error: unknown) => {
    report(error);
    return [];
  });
  for (const name of names) {
    try {
      const collection = await collections.find(name);
      if (collection) known.push(collection);
    } catch (error) {
      report(error);
      unreadable.push(name);
    }
  }
  return { known, unreadable };
}

async function isSearchable({ databases }: DoctorParts, problems: Problem[]): Promise<boolean> {
  try {
    await requireSearch(databases.knowledge);
    return true;
  } catch (error) {
    problems.push({
      severity: 'error',
      what: 'The knowledge database cannot be searched.',
      why: 'Ingest and search fail.',
      fix: errorMessage(error),
    });
    return false;
  }
}

/** A check that fails is a finding itself: the others are made all the same. */
async function findIn(check: Check, examination: Examination): Promise<Problem[]> {
  try {
    return await check.find(examination);
  } catch (error) {
    rethrowAborted(error);
    return [
      {
        severity: 'error',
        what: `The check could not be made: ${errorMessage(error)}`,
        why: 'What it looks for may be wrong.',
        fix: 'Remove the cause, then run stacklore doctor again.',
      },
    ];
  }
}

function rethrowAborted(error: unknown): void {
  if (error instanceof StackloreError && error.code === 'aborted') throw error;
}
