import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { checkWritable, formatRun, writeRun } from '../../src/evaluation/trec-run.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

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

it('is written whole in the place of what was there, also through a link', async () => {
  const folder = temporaryFolder();
  const [file, link] = [join(folder, 'run.trec'), join(folder, 'link.trec')];
  await checkWritable(file);
  expect(readdirSync(folder)).toEqual([]);
  writeFileSync(file, 'old');
  symlinkSync(file, link);
  await checkWritable(link);
  expect(readFileSync(file, 'utf8')).toBe('old');
  const ranking = [{ docId: 'a', score: 1 }];
  await writeRun(link, [{ queryId: 'q', ranking }], { tag: 'test' });
  expect(readFileSync(file, 'utf8')).toBe('q Q0 a 1 1 test\n');
  expect(readdirSync(folder)).toEqual(['link.trec', 'run.trec']);
});

it('refuses a folder, and a path in none, before anything is run', async () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'run'));
  for (const path of [join(folder, 'run'), join(folder, 'none/run')]) {
    await expect(checkWritable(path)).rejects.toMatchObject({ code: 'source_unreadable' });
  }
});
