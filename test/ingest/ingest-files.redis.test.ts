import { beforeAll, describe, expect, test } from 'vitest';
import type { IngestEvent } from '../../src/ingest/tally.ts';
import type { Stacklore } from '../../src/stacklore.ts';
import { openTestLore } from '../support/lore.ts';
import { usePrivateRedis } from '../support/redis.ts';

const redis = usePrivateRedis();
let lore: Stacklore;
beforeAll(() => {
  lore = openTestLore(redis);
});

const file = (source: string, text: string, mediaType?: string) => {
  return { source, bytes: Buffer.from(text), ...(mediaType !== undefined && { mediaType }) };
};

describe('ingestFiles', () => {
  test('reads each file by what it holds and is called', async () => {
    const events: IngestEvent[] = [];
    const report = await lore.ingestFiles(
      [
        file('guide/loans.md', '# Loans\n\nTwenty one days.'),
        file('table.csv', 'id,text\nr1,First row.\nr2,Second row.'),
        file('page', '<p>A page without an extension.</p>', 'text/html; charset=utf-8'),
        file('empty.md', ''),
      ],
      { collection: 'files', onEvent: (event) => void events.push(event) },
    );
    expect(report.counts).toMatchObject({ created: 4, skipped: 1 });
    expect(report.problems).toMatchObject([{ source: 'empty.md', code: 'invalid_input' }]);
    const { items } = await lore.documents.list('files');
    expect(items.map(({ source, contentType }) => [source, contentType]).sort()).toEqual([
      ['guide/loans.md', 'markdown'],
      ['page', 'html'],
      ['table.csv#r1', 'csv'],
      ['table.csv#r2', 'csv'],
    ]);
    expect(items.every(({ origin }) => origin === 'program')).toBe(true);
    expect(events.filter(({ kind }) => kind === 'source')).toMatchObject([
      { source: 'guide/loans.md', done: 1 },
      { source: 'table.csv', done: 2 },
      { source: 'page', done: 3 },
      { source: 'empty.md', done: 4 },
    ]);
  });

  test('replaces the document of a file of the same source, also by nothing', async () => {
    const ingest = (text: string) => lore.ingestFiles([file('one.md', text)], { collection: 'one' });
    await ingest('The first version.');
    expect((await ingest('The second version.')).counts).toMatchObject({ updated: 1 });
    expect((await ingest('')).counts).toMatchObject({ pruned: 1 });
    expect(await lore.documents.count('one')).toBe(0);
  });

  test('reports what is no file, and ingests the others', async () => {
    const wrong = { source: 'wrong.md', bytes: 'text' as unknown as Uint8Array };
    const report = await lore.ingestFiles([wrong, file('fine.md', 'Fine.')], { collection: 'wrong' });
    expect(report.counts).toMatchObject({ failed: 1, created: 1 });
    expect(report.problems).toMatchObject([{ source: 'wrong.md', code: 'invalid_input' }]);
  });
});

describe('qualifyIds', () => {
  test('keeps ids that the collection has, and qualifies all others alike', async () => {
    const ingest = (collection: string, docId: string, qualifyIds: boolean) =>
      lore.ingestTexts([{ source: 'x.md', docId, text: `${docId} of ${collection}` }], {
        collection,
        qualifyIds,
      });
    await ingest('mine', 'own', false);
    await ingest('theirs', 'taken', false);
    // What only someone who may write everywhere can have done.
    await ingest('theirs', 'mine:squatted', false);
    for (const docId of ['own', 'taken', 'free', 'squatted']) {
      expect((await ingest('mine', docId, true)).counts).toMatchObject({ failed: 0 });
    }
    const { items } = await lore.documents.list('mine');
    const ids = items.map(({ docId }) => docId).sort();
    expect(ids.filter((docId) => !/^[0-9a-f]{32}$/.test(docId))).toEqual(['mine:free', 'mine:taken', 'own']);
    expect(ids).toHaveLength(4);
    expect((await lore.documents.list('theirs')).total).toBe(2);
  });
});
