import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { JudgingQuestion, Verdict } from '../../src/evaluation/judge.ts';
import type { Stacklore } from '../../src/stacklore.ts';
import { openTestLore } from '../support/lore.ts';
import { usePrivateRedis } from '../support/redis.ts';

const redis = usePrivateRedis();
const folder = mkdtempSync(join(tmpdir(), 'stacklore-judge-'));
afterAll(() => rmSync(folder, { recursive: true }));
let lore: Stacklore;
let [queries, qrels] = ['', ''];
let count = 0;

beforeAll(async () => {
  // Prefers longer texts.
  const rerank = async (_query: string, read: readonly string[]) => read.map((text) => text.length);
  lore = openTestLore(redis, {}, { reranker: { rerank } });
  const texts = ['loans last three weeks', 'loans are renewed', 'fines for late loans'].map((text, n) => ({
    ...{ text, source: `${n}.md`, docId: `doc ${n}` },
  }));
  await lore.ingestTexts(texts, { collection: 'library' });
});

beforeEach(() => {
  count += 1;
  queries = join(folder, `${count}.jsonl`);
  qrels = join(folder, `${count}.tsv`);
});

/** Judges with these verdicts in turn; what was shown, what was said, and the report. */
async function sit(verdicts: readonly (Verdict | Error)[], asked: readonly string[] = [], search = {}) {
  const shown: JudgingQuestion[] = [];
  const notes: string[] = [];
  const [left, texts] = [[...verdicts], [...asked]];
  const report = await lore.judge(
    { queries, qrels, collection: 'library', search },
    {
      async verdict(question) {
        shown.push(question);
        const next = left.shift();
        if (next instanceof Error) throw next;
        return next ?? 'quit';
      },
      nextQuery: async () => texts.shift(),
      note: (sentence) => void notes.push(sentence),
    },
  );
  return { report, shown: shown.map(({ query, hit }) => `${query.queryId} ${hit.docId}`), notes };
}

const read = (path: string) => readFileSync(path, 'utf8');

describe('judging', () => {
  it('shows the documents of each query and keeps what is said of them', async () => {
    writeFileSync(queries, '{"_id":"a","text":"loans renewed"}\n{"_id":"b","text":"late fines"}\n');
    const { report, shown } = await sit([3, 'skip', 0, 2, 'next']);
    expect(report).toEqual({ judged: 3, skipped: 1, queries: 2, asked: 0 });
    expect(shown.map((line) => line[0]).join('')).toBe('aaabb');
    const order = shown.map((line) => line.slice(2));
    expect(read(qrels)).toBe(
      `query-id\tcorpus-id\tscore\na\t${order[0]}\t3\na\t${order[2]}\t0\nb\t${order[3]}\t2\n`,
    );
  });

  it('does not show again what was judged, whoever wrote it and by whatever name', async () => {
    writeFileSync(queries, '{"_id":"a","text":"loans renewed"}\n');
    writeFileSync(qrels, 'a\t0\t1.md\t3');
    const { shown } = await sit([1, 'quit']);
    expect(shown).not.toContain('a doc 1');
    expect(read(qrels)).toBe(`a\t0\t1.md\t3\n${shown[0]?.replace(' ', '\t0\t')}\t1\n`);
    const again = await sit(['quit']);
    expect(again.shown).toEqual([shown[1]]);
  });

  it('keeps queries that a person asks, once they are judged, under an id of their text', async () => {
    const { report } = await sit([2, 'next', 'next'], ['loans renewed', 'never judged']);
    expect(report).toMatchObject({ judged: 1, queries: 2, asked: 1 });
    const [line, ...others] = read(queries).trim().split('\n');
    expect(others).toEqual([]);
    expect(JSON.parse(line ?? '')).toEqual({
      _id: expect.stringMatching(/^[0-9a-f]{12}$/),
      text: 'loans renewed',
    });
    await sit(['next', 1], [' loans renewed ']);
    expect(read(queries).trim().split('\n')).toHaveLength(1);
    const measured = await lore.evaluate({ queries, qrels, collection: 'library' });
    expect(measured.queries).toBe(1);
  });

  it('shows hits in the order of the reranker when that is what is judged', async () => {
    writeFileSync(queries, '{"_id":"a","text":"loans renewed"}\n');
    const { shown } = await sit(['skip', 'skip', 'skip'], [], { rerank: true });
    expect(shown).toEqual(['a doc 0', 'a doc 2', 'a doc 1']);
    expect((await sit(['quit'])).shown).toEqual(['a doc 1']);
  });

  it('has kept all that was said when it is broken off', async () => {
    writeFileSync(queries, '{"_id":"a","text":"loans renewed"}\n');
    await expect(sit([3, 1, new Error('gone')])).rejects.toThrow('gone');
    expect(read(qrels).split('\n')).toHaveLength(4);
  });

  it('tells of a query that cannot be searched, and goes on with the next', async () => {
    const { report, notes } = await sit([1, 'quit'], ['?'.repeat(300), 'late fines']);
    expect(notes.join()).toMatch(/302 tokens/);
    expect(report.judged).toBe(1);
    const { notes: none } = await sit([], ['zebra'], { mode: 'text' });
    expect(none).toEqual(['Nothing was found for "zebra".']);
  });

  it('touches nothing when the files cannot be used', async () => {
    writeFileSync(queries, '{"_id":"a","text":"loans renewed"}\n');
    writeFileSync(qrels, 'a\tdoc\tmuch\n');
    await expect(sit([3])).rejects.toMatchObject({ code: 'parse_failed' });
    expect(read(qrels)).toBe('a\tdoc\tmuch\n');
    qrels = join(folder, 'no/folder.tsv');
    await expect(sit([3])).rejects.toMatchObject({ code: 'source_unreadable' });
  });
});
