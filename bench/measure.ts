import { execFileSync } from 'node:child_process';
import { cpus, totalmem } from 'node:os';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** One timed run: what it took by the wall and of this process's processor time, both in milliseconds. */
export interface Sample {
  readonly wallMs: number;
  readonly cpuMs: number;
}

/** Times some work in this process. */
export async function sample(work: () => Promise<void>): Promise<Sample> {
  const cpu = process.cpuUsage();
  const started = performance.now();
  await work();
  const wallMs = performance.now() - started;
  const { user, system } = process.cpuUsage(cpu);
  return { wallMs, cpuMs: (user + system) / 1_000 };
}

let collectGarbage: (() => void) | undefined;

/** What this process cannot let go of, in MB: its heap and its buffers after a collection. */
export function retainedMb(): number {
  if (!collectGarbage) {
    setFlagsFromString('--expose-gc');
    collectGarbage = runInNewContext('gc') as () => void;
  }
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return (heapUsed + external) / 1e6;
}

/** The middle value; of an even number of values the lower middle. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** The value below which this share of the values lies. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length - 1) * share))] ?? Number.NaN;
}

/**
 * Runs both in turn, A B B A …, so that a machine that slows down does so for both, and gives the samples by round.
 */
export async function inTurn<T>(rounds: number, ours: () => Promise<T>, floor: () => Promise<T>) {
  const samples: { ours: T[]; floor: T[] } = { ours: [], floor: [] };
  for (let round = 0; round < rounds; round += 1) {
    const order = round % 2 === 0 ? (['ours', 'floor'] as const) : (['floor', 'ours'] as const);
    for (const side of order) samples[side].push(await (side === 'ours' ? ours() : floor()));
  }
  return samples;
}

/** Prints one comparison: both medians, the median of the ratios round by round, and the bound it should keep. */
export function printRatio(
  name: string,
  unit: string,
  ours: readonly number[],
  floor: readonly number[],
  bound: string,
) {
  const ratio = median(ours.map((value, index) => value / (floor[index] as number)));
  const isMissed = boundIsMissed(ratio, bound);
  const format = (value: number) => (value >= 100 ? value.toFixed(0) : value.toPrecision(3));
  const values = `${format(median(ours))} against ${format(median(floor))} ${unit}`;
  console.log(
    `${name.padEnd(44)} ${values.padEnd(36)} ratio ${ratio.toFixed(3)}  (${bound}${isMissed ? ', MISSED' : ''})`,
  );
  return ratio;
}

function boundIsMissed(ratio: number, bound: string): boolean {
  const [, side, value] = /^at (most|least) ([\d.]+)/.exec(bound) ?? [];
  if (value === undefined) return false;
  return side === 'most' ? ratio > Number(value) : ratio < Number(value);
}

/** Machine, versions and commit: a figure without them says little. */
export function printMachine(): void {
  const commit = run('git', ['rev-parse', '--short', 'HEAD']);
  const memory = `${(totalmem() / 2 ** 30).toFixed(0)} GiB`;
  console.log(
    `${cpus().length} x ${cpus()[0]?.model ?? 'unknown processor'}, ${memory}, Node ${process.version}, commit ${commit}`,
  );
}

function run(command: string, args: string[]): string {
  try {
    return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return 'unknown';
  }
}
