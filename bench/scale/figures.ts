/** What a figure may do when there is more: stay, or grow as what there is. */
export type Growth = 'flat' | 'linear' | 'free';

/** One measured number. */
export interface Figure {
  readonly name: string;
  readonly unit: string;
  readonly value: number;
  readonly growth: Growth;
}

/** Beyond its bound by so much counts as missed: the machine is never quiet. */
const TOLERANCE = 1.35;

/** Prints the figures of a smaller and a larger run side by side, and whether one grew faster than it may. */
export function printGrowth(
  [smaller, larger]: readonly [number, number],
  before: readonly Figure[],
  after: readonly Figure[],
): number {
  let missed = 0;
  console.log(
    `\n${'chunks'.padEnd(44)}${format(smaller).padStart(12)}${format(larger).padStart(12)}   growth`,
  );
  for (const { name, unit, value, growth } of after) {
    const first = before.find((one) => one.name === name)?.value ?? Number.NaN;
    const ratio = value / first;
    const allowed = growth === 'linear' ? larger / smaller : 1;
    const isMissed = growth !== 'free' && ratio > allowed * TOLERANCE;
    if (isMissed) missed += 1;
    const bound = growth === 'free' ? '' : ` (${growth}${isMissed ? ', MISSED' : ''})`;
    console.log(
      `${`${name}, ${unit}`.padEnd(44)}${format(first).padStart(12)}${format(value).padStart(12)}   ${ratio.toFixed(2)}${bound}`,
    );
  }
  return missed;
}

/** Prints the figures of one run. */
export function printFigures(figures: readonly Figure[]): void {
  for (const { name, unit, value } of figures) console.log(`  ${name.padEnd(44)} ${format(value)} ${unit}`);
}

function format(value: number): string {
  if (!Number.isFinite(value)) return '–';
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
