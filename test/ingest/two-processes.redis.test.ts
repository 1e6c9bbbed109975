import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import type { Stacklore } from '../../src/stacklore.ts';
import { FakeEmbedder } from '../support/fake-embedder.ts';
import { allKeys, openTestLore } from '../support/lore.ts';
import { usePrivateRedis } from '../support/redis.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const redis = usePrivateRedis();
let lore: Stacklore;
beforeAll(() => {
  lore = openTestLore(redis);
});

/** Another process, as far as Redis can tell: it waits before it embeds until it is let go. */
function slowLore(): { lore: Stacklore; embedder: FakeEmbedder; begun: Promise<void>; go: () => void } {
  let go = (): void => {};
  let begin = (): void => {};
  const gate = new Promise<void>((resolve) => {
    go = resolve;
  });
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const embedder = new FakeEmbedder({
    onText: () => {
      begin();
      return gate;
    },
  });
  return { lore: openTestLore(redis, {}, { embedder }), embedder, begun, go };
}

test('a document that two processes ingest at once is embedded once and unchanged for the second', async () => {
  const first = slowLore();
  const embedder = new FakeEmbedder();
  const second = openTestLore(redis, {}, { embedder });
  const texts = [{ source: 'a.md', text: 'The ferry leaves at seven.' }];
  const one = first.lore.ingestTexts(texts, { collection: 'twice' });
  await first.begun;
  const other = second.ingestTexts(texts, { collection: 'twice' });
  setTimeout(first.go, 50);
  expect((await one).counts).toMatchObject({ created: 1 });
  expect((await other).counts).toMatchObject({ unchanged: 1 });
  expect([first.embedder.embedded.length, embedder.embedded.length]).toEqual([1, 0]);
  expect(await allKeys(lore.databases.knowledge, 'stacklore:ingest-lease:*')).toEqual([]);
});

test('an older version of a file never replaces a newer one', async () => {
  const path = join(temporaryFolder(), 'a.md');
  await writeFile(path, 'The old text.');
  const first = slowLore();
  const one = first.lore.ingest({ sources: [path], collection: 'newer' });
  await first.begun;
  await writeFile(path, 'The new text.');
  const other = lore.ingest({ sources: [path], collection: 'newer' });
  setTimeout(first.go, 50);
  await Promise.all([one, other]);
  const [document] = (await lore.documents.list('newer')).items;
  const texts: string[] = [];
  if (document) for await (const { text } of lore.documents.chunks(document)) texts.push(text);
  expect(texts).toEqual(['The new text.']);
});

test('equal texts of two sources are stored once, also when two processes bring them', async () => {
  const first = slowLore();
  const one = first.lore.ingestTexts([{ source: 'a.md', text: 'The same.' }], { collection: 'equal' });
  await first.begun;
  const other = lore.ingestTexts([{ source: 'b.md', text: 'The same.' }], { collection: 'equal' });
  setTimeout(first.go, 50);
  expect((await one).counts).toMatchObject({ created: 1 });
  expect((await other).counts).toMatchObject({ duplicate: 1 });
});

test('a document of its own id is whole in one of two collections that want it at once, and qualified in the other', async () => {
  const first = slowLore();
  const given = (text: string) => [{ source: `${text}.md`, docId: 'wanted', text }];
  await lore.createCollection('left');
  const one = first.lore.ingestTexts(given('Left'), { collection: 'left' });
  await first.begun;
  const other = lore.ingestTexts(given('Right'), { collection: 'right' });
  setTimeout(first.go, 50);
  await Promise.all([one, other]);
  const ids = async (collection: string) =>
    (await lore.documents.list(collection)).items.map(({ docId }) => docId);
  expect([await ids('left'), await ids('right')]).toEqual([['wanted'], ['right:wanted']]);
});

test('a run that is stopped while it waits for another leaves its document out', async () => {
  const first = slowLore();
  const texts = [{ source: 'a.md', text: 'A text.' }];
  const one = first.lore.ingestTexts(texts, { collection: 'stopped' });
  await first.begun;
  const report = await lore.ingestTexts(texts, { collection: 'stopped', signal: AbortSignal.timeout(50) });
  expect(report).toMatchObject({ interrupted: true, counts: { created: 0, failed: 0 } });
  first.go();
  expect((await one).counts).toMatchObject({ created: 1 });
});

test('texts of one source are not kept waiting by each other', async () => {
  const texts = Array.from({ length: 30 }, (_, n) => ({
    source: 'rows',
    docId: `row-${n}`,
    text: `Row ${n}.`,
  }));
  const report = await lore.ingestTexts(texts, { collection: 'rows' });
  expect(report.counts).toMatchObject({ created: 30, failed: 0 });
});
