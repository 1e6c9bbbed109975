import { expect, it } from 'vitest';
import {
  restAfterLook,
  type ScanProgress,
  waitUntilIndexed,
} from '../../../src/stores/knowledge/wait-until-indexed.ts';

/** Plays states one after another, one at each minute of a clock; the last one stays. */
function play(states: readonly ScanProgress[]) {
  let at = -1;
  return {
    read: async () => {
      at += 1;
      return states[Math.min(at, states.length - 1)] ?? { indexing: false, percentIndexed: 1 };
    },
    now: () => at * 60_000,
    pause: async () => {},
    looks: () => at + 1,
  };
}

it('waits for a slow scan as long as it goes on', async () => {
  const scan = [0.1, 0.2, 0.3, 0.4].map((percentIndexed) => ({ indexing: true, percentIndexed }));
  const played = play([...scan, { indexing: false, percentIndexed: 1 }]);
  await waitUntilIndexed('index', played.read, { ...played, stalledMs: 90_000 });
  expect(played.looks()).toBe(5);
});

it('gives up on a scan that stands still, naming how far it is', async () => {
  const played = play([{ indexing: true, percentIndexed: 0.431 }]);
  await expect(
    waitUntilIndexed('index', played.read, { ...played, stalledMs: 90_000 }),
  ).rejects.toMatchObject({ code: 'busy', message: expect.stringContaining('43 %') });
  expect(played.looks()).toBe(3);
});

it('goes on while a scan goes once more through what was written meanwhile', async () => {
  const scan = [1, 1.1, 1.2].map((percentIndexed) => ({ indexing: true, percentIndexed }));
  const played = play([...scan, { indexing: false, percentIndexed: 1 }]);
  await waitUntilIndexed('index', played.read, { ...played, stalledMs: 90_000 });
  expect(played.looks()).toBe(4);
});

it('leaves a server alone for longer the longer it takes to tell how far it is', async () => {
  let clock = 0;
  const pauses: number[] = [];
  const read = async () => {
    clock += 300;
    return { indexing: pauses.length < 2, percentIndexed: pauses.length };
  };
  await waitUntilIndexed('index', read, {
    now: () => clock,
    pause: async (ms) => void pauses.push(ms),
  });
  expect(pauses).toEqual([3_000, 3_000]);
  expect(restAfterLook(1, 50)).toBe(50);
  // Whoever waited for a connection does not wait ten times as long for the index.
  expect(restAfterLook(30_000, 50)).toBe(20_000);
});
