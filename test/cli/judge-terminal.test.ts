import { PassThrough, Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { openJudge } from '../../src/cli/judge-terminal.ts';
import type { JudgingQuestion } from '../../src/evaluation/judge.ts';

const question: JudgingQuestion = {
  query: { queryId: 'q1', text: 'how long is a loan?' },
  hit: {
    ...{ chunkId: 'c', docId: 'd', nodeId: 'n', collection: 'docs', text: 'Three weeks.', title: 'Loans' },
    ...{ score: 1, vectorScore: 0.5, distance: 0.5, source: 'loans.md', headings: [], metadata: {} },
  },
  rank: 2,
  of: 3,
};

/** A judge at a terminal, or at other input, with what is shown to the person. */
function sit({ isTerminal = true } = {}) {
  const stdin = new PassThrough();
  const rawModes: boolean[] = [];
  if (isTerminal) Object.assign(stdin, { isTTY: true, setRawMode: (isRaw: boolean) => rawModes.push(isRaw) });
  let shown = '';
  const stderr = new Writable({
    decodeStrings: false,
    write(part, _encoding, done) {
      shown += String(part);
      done();
    },
  });
  const abort = new AbortController();
  const { judge, close } = openJudge({ stdin, stderr, columns: 80, signal: abort.signal });
  return { stdin, judge, close, abort, rawModes, shown: () => shown };
}

describe('a judge at a terminal', () => {
  it('answers with one key, without the return key, and sees the query once', async () => {
    const { stdin, judge, close, rawModes, shown } = sit();
    const verdict = judge.verdict(question);
    stdin.write('3');
    expect(await verdict).toBe(3);
    expect(rawModes).toEqual([true, false]);
    const next = judge.verdict(question);
    stdin.write('S');
    expect(await next).toBe('skip');
    expect(shown().match(/Query q1: how long is a loan\?/g)).toHaveLength(1);
    expect(shown()).toContain('Three weeks.');
    close();
  });

  it('is told the keys after another one, and may type ahead', async () => {
    const { stdin, judge, close, shown } = sit();
    const verdict = judge.verdict(question);
    stdin.write('x01');
    expect(await verdict).toBe(0);
    expect(await judge.verdict(question)).toBe(1);
    expect(shown().match(/0 not relevant/g)).toHaveLength(2);
    close();
  });

  it('quits by q, Ctrl-C, the end of input, or when the work is to stop', async () => {
    for (const key of ['q', '\u0003', '\u0004']) {
      const { stdin, judge, close } = sit();
      const verdict = judge.verdict(question);
      stdin.write(key);
      expect(await verdict).toBe('quit');
      close();
    }
    const ended = sit();
    const verdict = ended.judge.verdict(question);
    ended.stdin.end();
    expect(await verdict).toBe('quit');
    const stopped = sit();
    const waiting = stopped.judge.verdict(question);
    stopped.abort.abort();
    expect(await waiting).toBe('quit');
  });

  it('types queries between, and nothing to end', async () => {
    const { stdin, judge, close } = sit();
    const query = judge.nextQuery();
    stdin.write('late fines \n');
    expect(await query).toBe('late fines');
    const verdict = judge.verdict(question);
    stdin.write('2');
    expect(await verdict).toBe(2);
    const last = judge.nextQuery();
    stdin.write('\n');
    expect(await last).toBe('');
    close();
  });
});

describe('a judge elsewhere', () => {
  it('answers line by line, and quits at the end', async () => {
    const { stdin, judge, close } = sit({ isTerminal: false });
    stdin.end('1\nwhat?\nn\nlate fines\n');
    expect(await judge.verdict(question)).toBe(1);
    expect(await judge.verdict(question)).toBe('next');
    expect(await judge.nextQuery()).toBe('late fines');
    expect(await judge.verdict(question)).toBe('quit');
    expect(await judge.nextQuery()).toBeUndefined();
    close();
  });
});
