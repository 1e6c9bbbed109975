import { expect, it } from 'vitest';
import { roundToFloat16 } from '../../src/evaluation/float16.ts';

it('rounds to what 16 bits can hold, halves to even', () => {
  const round = (value: number) => roundToFloat16(Float32Array.of(value))[0];
  expect(round(0.1)).toBe(0.0999755859375);
  expect(round(-0.1)).toBe(-0.0999755859375);
  expect(round(1 + 2 ** -11)).toBe(1);
  expect(round(1 + 3 * 2 ** -11)).toBe(1 + 2 ** -9);
  expect(round(0.33333334)).toBe(0.333251953125);
  expect(round(2 ** -24)).toBe(2 ** -24);
  expect(round(2 ** -26)).toBe(0);
  expect(round(65_504)).toBe(65_504);
  expect(round(70_000)).toBe(Number.POSITIVE_INFINITY);
  expect(round(0)).toBe(0);
});
