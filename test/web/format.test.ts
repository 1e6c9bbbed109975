import { expect, test } from 'vitest';
import { timeRange } from '../../src/web/format.js';

test('a chart shows its buckets whole, also when there is only one', () => {
  expect(timeRange([7_200, 10_800], 'hour')).toEqual([5_400, 12_600]);
  expect(timeRange([86_400], 'day')).toEqual([43_200, 129_600]);
});
