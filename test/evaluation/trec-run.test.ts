import { expect, it } from 'vitest';
import { formatRun } from '../../src/evaluation/trec-run.ts';

it('writes equal scores as falling ones, so that every evaluator keeps the order', () => {
  const ranking = [
    { docId: 'b', score: 0.5 },
    { docId: 'a', score: 0.5 },
    { docId: 'with space', score: 0.5 },
    { docId: 'last', score: -2 },
  ];
  const lines = formatRun([{ queryId: 'q', ranking }], { tag: 'test' }).split('\n');
  expect(lines.pop()).toBe('');
  const columns = lines.map((line) => line.split(' '));
  expect(columns.map(([query, q0, docId, rank, , tag]) => [query, q0, docId, rank, tag])).toEqual([
    ['q', 'Q0', 'b', '1', 'test'],
    ['q', 'Q0', 'a', '2', 'test'],
    ['q', 'Q0', 'with%20space', '3', 'test'],
    ['q', 'Q0', 'last', '4', 'test'],
  ]);
  const scores = columns.map(([, , , , score]) => Math.fround(Number(score)));
  expect(scores).toEqual([...new Set(scores)].sort((a, b) => b - a));
});
