import { expect, test } from 'vitest';
import { describeIndex } from '../../src/cli/commands/status.ts';

const served = { indexState: 'ready', indexKind: 'flat', auto: true } as const;

test('the state of an index tells its kind, who chose it, and what follows', () => {
  expect(describeIndex({ ...served, auto: false })).toBe('ready, flat');
  const hnsw = { index: 'stacklore:index:docs:2', kind: 'hnsw', indexed: 0.409 };
  expect(describeIndex({ ...served, building: hnsw })).toBe('ready, flat (auto), building hnsw 40 %');
});

test('an index for vectors alone is not said to be followed by another of its kind', () => {
  const whole = { index: 'stacklore:index:docs:2', kind: 'flat', indexed: 1 };
  expect(describeIndex({ ...served, building: whole })).toBe('ready, flat (auto), adding words 100 %');
  expect(describeIndex({ ...served, auto: false, building: whole })).toBe('ready, flat, building flat 100 %');
});
