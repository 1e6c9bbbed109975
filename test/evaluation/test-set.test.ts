import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readJudgements, readQueries } from '../../src/evaluation/test-set.ts';

const folder = mkdtempSync(join(tmpdir(), 'stacklore-test-set-'));
afterAll(() => rmSync(folder, { recursive: true }));

const written = (content: string | Buffer) => {
  const path = join(folder, `${Math.random()}.txt`);
  writeFileSync(path, content);
  return path;
};
const judgementsOf = async (content: string) => (await readJudgements(written(content))).judgements;

describe('a file of queries', () => {
  it('holds an id and a text a line; ids may be numbers, other members are passed over', async () => {
    const path = written('\uFEFF{"_id":"a","text":"one","metadata":{}}\r\n\n{"_id":7,"text":"two"}');
    expect(await readQueries(path)).toEqual([
      { queryId: 'a', text: 'one' },
      { queryId: '7', text: 'two' },
    ]);
  });

  it('is refused with the lines that cannot be used', async () => {
    const path = written('{"_id":"a","text":"one"}\nnonsense\n{"text":"x"}\n{"_id":"b","text":" "}\n[]\n');
    await expect(readQueries(path)).rejects.toMatchObject({
      code: 'parse_failed',
      message: expect.stringMatching(
        /line 2 is no JSON object.*line 3 has no "_id".*line 4 has no "text".*and 1 more/,
      ),
    });
  });

  it('is refused when an id comes twice, when it is no UTF-8, and when it is not there', async () => {
    const twice = written('{"_id":"a","text":"one"}\n{"_id":"a","text":"two"}\n');
    await expect(readQueries(twice)).rejects.toMatchObject({ code: 'parse_failed' });
    await expect(readQueries(written(Buffer.from([0xff, 0xfe, 0x00])))).rejects.toThrow(/UTF-8/);
    await expect(readQueries(join(folder, 'nowhere'))).rejects.toMatchObject({ code: 'source_unreadable' });
    await expect(readQueries(folder)).rejects.toMatchObject({ code: 'source_unreadable' });
  });
});

describe('a file of judgements', () => {
  const expected = [
    { queryId: 'q1', docId: 'd 1', grade: 2 },
    { queryId: 'q2', docId: 'd2', grade: 0 },
  ];

  it('has three columns with or without a header, or four as in TREC', async () => {
    expect(await judgementsOf('query-id\tcorpus-id\tscore\nq1\td 1\t2\nq2\td2\t0\n')).toEqual(expected);
    expect(await judgementsOf('q1\td 1\t2\r\nq2\td2\t0\r\n')).toEqual(expected);
    expect(await judgementsOf('q1\t0\td 1\t2\nq2\t0\td2\t0')).toEqual(expected);
    expect(await judgementsOf('q1 0 d1 1\nq2  Q0 d2 -1.0\n')).toEqual([
      { queryId: 'q1', docId: 'd1', grade: 1 },
      { queryId: 'q2', docId: 'd2', grade: -1 },
    ]);
  });

  it('has four columns as soon as one line has, wherever it stands', async () => {
    const columnsOf = async (content: string) => (await readJudgements(written(content))).columns;
    expect(await columnsOf('q1\t0\td1\t2\nq2\td2\t0\n')).toBe(4);
    expect(await columnsOf('q1\td1\t2\nq2\t0\td2\t0\n')).toBe(4);
    expect(await columnsOf('q1\td1\t2\nq2\td2\t0\n')).toBe(3);
  });

  it('takes a first line for a header only where it names columns', async () => {
    await expect(judgementsOf('q1\td1\thigh\nq2\td2\t0\n')).rejects.toThrow(
      /line 1 has a grade that is no whole number/,
    );
  });

  it('lets a later judgement revise an earlier one, and counts them', async () => {
    const { judgements, revised } = await readJudgements(written('q1\td1\t2\nq1\td2\t1\nq1\td1\t0\n'));
    expect(judgements).toEqual([
      { queryId: 'q1', docId: 'd1', grade: 0 },
      { queryId: 'q1', docId: 'd2', grade: 1 },
    ]);
    expect(revised).toBe(1);
  });

  it('is refused with the lines that cannot be used', async () => {
    await expect(judgementsOf('q1\td1\t1\nq1\td2\nq1\t\t1\nq1\td4\t1.5\n')).rejects.toMatchObject({
      code: 'parse_failed',
      message: expect.stringMatching(/line 2 has 2 columns.*line 3 has an empty id.*line 4 has a grade/),
    });
  });
});
