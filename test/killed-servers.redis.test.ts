import { expect, it } from 'vitest';
import type { ChaosReport } from './support/chaos.ts';
import { seededRandom } from './support/kill-ingest.ts';
import { killEmbedded, killMasters, killPrivate } from './support/killed-servers.ts';
import { serverFiles } from './support/provisioned.ts';

/** The short form of `npm run soak -- chaos`. */
const plan = (kills: number, seed: number) => ({ files: serverFiles(), kills, random: seededRandom(seed) });

function expectWork({ versions, answers, errors }: ChaosReport): void {
  expect(versions).toBeGreaterThan(10);
  expect(answers).toBeGreaterThan(10);
  for (const code of Object.keys(errors)) expect(code).toMatch(/^(?:database_|server_|busy$)/);
}

it('a server that is killed under load loses nothing acknowledged and answers rightly, whichever index is being built', async () => {
  const report = await killPrivate(plan(4, 1));
  expectWork(report);
  expect(report.sessions).toBeGreaterThan(3);
  expect(report.begun).toBeGreaterThan(0);
  expect(report.switched).toBeGreaterThan(0);
});

it('an embedded server that is killed or stopped is started again by those who use it, with all that was on the disk', async () => {
  expectWork(await killEmbedded(plan(4, 2)));
});

it('masters of a cluster that are killed come back with every task and session that was acknowledged', async () => {
  const report = await killMasters(plan(2, 3));
  expectWork(report);
  expect(report.tasks).toBeGreaterThan(3);
  expect(report.sessions).toBeGreaterThan(3);
});
