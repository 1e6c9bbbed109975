import { describe, expect, test } from 'vitest';
import { inParts, inputsOfPart, partSizes, partsOf } from '../../src/jobs/parts.ts';

describe('the parts of a job', () => {
  test.each([1, 4, 9, 100, 1_234, 100_000])('are all of its %i sources, large ones first', (sources) => {
    const sizes = partSizes(sources);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(sources);
    expect([...sizes].sort((a, b) => b - a)).toEqual(sizes);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(500);
    expect(sizes.length).toBeLessThanOrEqual(300);
  });

  test('are a list in order', () => {
    expect(inParts(['a', 'b', 'c', 'd'], [2, 1, 1])).toEqual([['a', 'b'], ['c'], ['d']]);
  });

  test('have inputs of their own, after what was to be listed', () => {
    const files = { kind: 'files', parts: [3, 2] } as const;
    expect(partsOf({ parts: [...files.parts] })).toEqual([1, 2]);
    const inputs = (kind: 'files' | 'sources', part: number) => inputsOfPart({ kind, parts: [3, 2] }, part);
    expect([inputs('files', 1), inputs('files', 2)]).toEqual([
      [0, 1, 2],
      [3, 4],
    ]);
    expect(inputs('sources', 2)).toEqual([4, 5]);
    expect(inputs('files', 7)).toEqual([]);
  });
});
