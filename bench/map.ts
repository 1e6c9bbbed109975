import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Stacklore } from '../src/stacklore.ts';
import { median, sample } from './measure.ts';

const LIMITS = [2_000, 10_000];

/** How long a map takes, made anew and kept, and how long it holds the event loop up. */
export async function benchMap(
  lore: Stacklore,
  { collection, rounds }: { collection: string; rounds: number },
): Promise<void> {
  for (const limit of LIMITS) {
    const made: number[] = [];
    const cpu: number[] = [];
    const kept: number[] = [];
    const delays = monitorEventLoopDelay({ resolution: 1 });
    let about = '';
    for (let round = 0; round < rounds; round += 1) {
      await lore.responseCache.clear();
      delays.enable();
      const { wallMs, cpuMs } = await sample(async () => {
        const { points, chunks, explainedVariance } = await lore.map({ collection, limit });
        const shown = explainedVariance.x + explainedVariance.y;
        about = `${points.length} of ${chunks} chunks, ${(shown * 100).toFixed(1)} % of the variance`;
      });
      delays.disable();
      made.push(wallMs);
      cpu.push(cpuMs);
      kept.push((await sample(async () => void (await lore.map({ collection, limit })))).wallMs);
    }
    console.log(
      `map, ${about}: made in ${median(made).toFixed(0)} ms (${median(cpu).toFixed(0)} of CPU), kept ${median(kept).toFixed(1)} ms; event loop held up for ${(delays.max / 1e6).toFixed(0)} ms at most`,
    );
  }
}
