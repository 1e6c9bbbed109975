import { spawnSync } from 'node:child_process';
import { median } from './measure.ts';

const MAIN = 'dist/cli/main.js';

/** Cold starts of the compiled command against a running server. */
export function benchCli(redisUrl: string, collection: string, rounds: number): void {
  const search = [
    'search',
    'how do I configure a connection?',
    '--collection',
    collection,
    '--redis-url',
    redisUrl,
  ];
  for (const [label, args, bound] of [
    ['stacklore search', search, 0.8],
    ['stacklore --help', ['--help'], 0.15],
  ] as const) {
    const times = Array.from({ length: rounds + 1 }, () => timeOf(args)).slice(1);
    console.log(`${label}, cold: ${median(times).toFixed(3)} s  (under ${bound})`);
  }
}

function timeOf(args: readonly string[]): number {
  const started = performance.now();
  const { status, stderr } = spawnSync(process.execPath, [MAIN, ...args], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`stacklore ${args[0]} failed: ${stderr}`);
  return (performance.now() - started) / 1_000;
}
