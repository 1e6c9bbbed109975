import { expect, test } from 'vitest';
import type { DocumentOutcome } from '../../src/ingest/tally.ts';
import { addReports, emptyReport, mergeLooks } from '../../src/jobs/merge-reports.ts';
import type { StoredReport } from '../../src/schema/jobs.ts';

const outcome = (source: string, status: DocumentOutcome['status']): DocumentOutcome => ({ source, status });

/** A report with these counts beside those of its problems. */
function report(
  counts: Partial<StoredReport['counts']>,
  problems: readonly DocumentOutcome[] = [],
): StoredReport {
  const empty = emptyReport('docs', problems);
  const documents = Object.values(counts).reduce((sum, count) => sum + count, 0);
  return {
    ...empty,
    counts: { ...empty.counts, ...counts },
    chunks: 2 * documents,
    embedded: counts.created ?? 0,
  };
}

test('reports of different sources add up, and keep a thousand problems', () => {
  const many = Array.from({ length: 700 }, (_, n) => outcome(`${n}.md`, 'failed'));
  const sum = addReports('docs', [report({ created: 3 }, many), report({ created: 1, unchanged: 2 }, many)]);
  expect(sum).toMatchObject({ chunks: 12, embedded: 4, counts: { created: 4, unchanged: 2, failed: 1_400 } });
  expect(sum.problems).toHaveLength(1_000);
});

test('a second look counts what it stored, and says again what was left out', () => {
  const first = report({ created: 2, unchanged: 1 }, [
    outcome('twin.md', 'duplicate'),
    outcome('moved.md', 'duplicate'),
    outcome('bad.pdf', 'failed'),
    outcome('empty.md', 'pruned'),
  ]);
  const second = report({ created: 1, unchanged: 3 }, [
    outcome('twin.md', 'duplicate'),
    outcome('bad.pdf', 'failed'),
    outcome('empty.md', 'skipped'),
  ]);
  expect(mergeLooks(first, second)).toMatchObject({
    counts: { created: 3, updated: 0, unchanged: 1, duplicate: 1, skipped: 0, failed: 1, pruned: 1 },
    ...{ chunks: 8, embedded: 3 },
    problems: [outcome('empty.md', 'pruned'), outcome('twin.md', 'duplicate'), outcome('bad.pdf', 'failed')],
  });
});
