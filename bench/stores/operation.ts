import type { Stacklore } from '../../src/stacklore.ts';
import { inTurn, median, printRatio, sample } from '../measure.ts';

/** The raw client that the bare side of each comparison uses. */
export type BareClient = Awaited<ReturnType<typeof import('./bare-client.ts').openBareClient>>;

/** One operation of a store beside the node-redis commands it stands on; `at` counts the calls, to vary ids. */
export interface Operation {
  readonly name: string;
  readonly ours: (at: number) => Promise<unknown>;
  readonly bare: (at: number) => Promise<unknown>;
}

/** Gives the operations of one record family; may store first what they read. */
export type Operations = (lore: Stacklore, client: BareClient) => Promise<Operation[]>;

const IN_FLIGHT = 16;
const WARM_UP_CALLS = 2_000;

/** Prints p50 of single calls and the rate with 16 in flight, ours against bare, in turn. */
export async function compareOperation(
  { name, ours, bare }: Operation,
  { rounds, calls }: { rounds: number; calls: number },
): Promise<void> {
  let at = 0;
  const together = (call: (at: number) => Promise<unknown>) => async () => {
    let left = calls;
    const lane = async () => {
      while (left-- > 0) await call(at++);
    };
    const { wallMs } = await sample(
      async () => void (await Promise.all(Array.from({ length: IN_FLIGHT }, lane))),
    );
    return (calls / wallMs) * 1_000;
  };
  const single = (call: (at: number) => Promise<unknown>) => async () => {
    const latencies: number[] = [];
    for (let n = 0; n < calls; n += 1) {
      const started = performance.now();
      await call(at++);
      latencies.push(performance.now() - started);
    }
    return median(latencies);
  };
  for (let done = 0; done < WARM_UP_CALLS; done += calls) {
    await together(ours)();
    await together(bare)();
  }
  const one = await inTurn(rounds, single(ours), single(bare));
  printRatio(`${name}: p50`, 'ms', one.ours, one.floor, 'at most 1.25');
  const many = await inTurn(rounds, together(ours), together(bare));
  printRatio(`${name}: 16 in flight`, 'calls/s', many.ours, many.floor, 'at least 0.8');
}
