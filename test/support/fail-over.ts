import { setTimeout as sleep } from 'node:timers/promises';
import type { Stacklore } from '../../src/stacklore.ts';
import type { PrivateSentinels } from './sentinels.ts';
import { checkStored, type FaultReport, openWorkCollection, Work } from './work-under-faults.ts';

/** What is done to a group. A frozen master wakes up later and takes itself for the master still. */
export type Fault = 'kill master' | 'freeze master' | 'kill sentinel';

/** Which faults come while a program works. */
export interface FaultPlan {
  /** Opened on the group, with an embedder whose vectors depend on words. */
  readonly lore: Stacklore;
  readonly group: PrivateSentinels;
  readonly faults: readonly Fault[];
  /** Seeded, so that a failure can be met again. */
  readonly random: () => number;
  /** Brings back what failed before the next fault, rather than at the end. */
  readonly isRepairedAtOnce?: boolean;
}

const LONGEST_WAIT_MS = 1_000;

/**
 * Ingests, searches, queues and works while servers and sentinels fail. Throws an `Error` naming what was lost, stored
 * in part or twice, or answered wrongly.
 */
export async function surviveFaults(plan: FaultPlan): Promise<FaultReport> {
  const { lore, group, faults, random, isRepairedAtOnce = false } = plan;
  await openWorkCollection(lore);
  const work = new Work(lore);
  const repairs: (() => Promise<void>)[] = [];
  for (const fault of faults) {
    await Promise.race([sleep(300 + random() * LONGEST_WAIT_MS), work.failed]);
    const repair = await bring(fault, group, random);
    repairs.push(repair);
    if (!isRepairedAtOnce) continue;
    for (const one of repairs.splice(0)) await one();
    await group.inSync();
  }
  await Promise.race([sleep(LONGEST_WAIT_MS), work.failed]);
  for (const repair of repairs) await repair();
  const report = await work.stop();
  await checkStored(lore, work);
  return report;
}

/** Brings a fault about and waits until the sentinels have dealt with it. Gives what repairs it. */
async function bring(
  fault: Fault,
  group: PrivateSentinels,
  random: () => number,
): Promise<() => Promise<void>> {
  if (fault === 'kill sentinel') {
    const sentinel = group.sentinels[Math.floor(random() * group.sentinels.length)];
    await sentinel?.kill();
    return async () => sentinel?.start();
  }
  const old = await group.master();
  if (fault === 'freeze master') {
    await group.failOver(async ({ pid }) => void process.kill(pid, 'SIGSTOP'));
    return async () => void process.kill(old.pid, 'SIGCONT');
  }
  await group.failOver();
  return () => old.restart();
}
