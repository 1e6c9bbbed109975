import type { z } from 'zod';
import { errorMessage } from '../../errors.ts';
import { diagnosisRequest, parseMaintenanceRequest } from '../../schema/maintenance-request.ts';
import type { Check, DoctorParts, Problem } from './check.ts';
import { collectionIndexCheck, foreignIndexCheck } from './indexes.ts';
import { documentIndexCheck, driftCheck, modelCheck, vectorLengthCheck } from './knowledge.ts';
import { searchModuleCheck, serverSettingsCheck } from './server.ts';
import { ttlCheck } from './ttl.ts';

export type DiagnosisRequest = z.input<typeof diagnosisRequest>;

/** Something that is wrong or may become so. */
export interface Finding extends Omit<Problem, 'repair'> {
  readonly check: string;
  /** Whether the doctor can put it right. */
  readonly isFixable: boolean;
  /** Whether it did; absent when it was not asked to, or cannot. */
  readonly isFixed?: boolean;
}

export interface Diagnosis {
  readonly findings: readonly Finding[];
  /** How many findings were not put right. */
  readonly remaining: number;
}

const CHECKS: readonly Check[] = [
  ...[searchModuleCheck, serverSettingsCheck, collectionIndexCheck, foreignIndexCheck],
  ...[modelCheck, vectorLengthCheck, documentIndexCheck, driftCheck, ttlCheck],
];

/** Looks at everything that can be wrong, and with `fix` puts right what can be without losing anything. */
export async function diagnose(parts: DoctorParts, input: DiagnosisRequest = {}): Promise<Diagnosis> {
  const { fix } = parseMaintenanceRequest(diagnosisRequest, input);
  const findings: Finding[] = [];
  for (const check of CHECKS) {
    for (const { repair, ...problem } of await findIn(check, parts)) {
      const isFixed = fix && repair ? { isFixed: await repair() } : {};
      findings.push({ check: check.name, ...problem, isFixable: repair !== undefined, ...isFixed });
    }
  }
  return { findings, remaining: findings.filter(({ isFixed }) => isFixed !== true).length };
}

/** A check that fails is a finding itself: the others are made all the same. */
async function findIn(check: Check, parts: DoctorParts): Promise<Problem[]> {
  try {
    return await check.find(parts);
  } catch (error) {
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
