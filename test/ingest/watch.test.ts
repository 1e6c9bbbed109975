import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { watchSources } from '../../src/ingest/watch.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

test('files that are added, changed or removed are handed over, hidden and ignored ones are not', async () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'sub'));
  writeFileSync(join(folder, 'old.md'), 'old');
  writeFileSync(join(folder, 'sub/.gitignore'), 'draft*');
  const { changed, removed, until } = await startWatching(folder);
  writeFileSync(join(folder, '.hidden.md'), 'x');
  writeFileSync(join(folder, 'sub/draft.md'), 'x');
  writeFileSync(join(folder, 'sub/new.md'), 'new');
  await until(() => changed.has(join(folder, 'sub/new.md')));
  rmSync(join(folder, 'old.md'));
  await until(() => removed.has(join(folder, 'old.md')));
  expect([...changed]).toEqual([join(folder, 'sub/new.md')]);
});

test('watching goes on when a handler fails', async () => {
  const folder = temporaryFolder();
  const errors: unknown[] = [];
  const { changed, until } = await startWatching(folder, errors);
  writeFileSync(join(folder, 'fail.md'), 'x');
  await until(() => errors.length > 0);
  writeFileSync(join(folder, 'next.md'), 'x');
  await until(() => changed.has(join(folder, 'next.md')));
  expect(errors).toEqual([new Error('refused')]);
});

/** Watches a folder until the test is over; a change of `fail.md` makes the handler fail. */
async function startWatching(folder: string, errors: unknown[] = []) {
  const stop = new AbortController();
  const changed = new Set<string>();
  const removed = new Set<string>();
  let wake = (): void => undefined;
  let watching: Promise<void> | undefined;
  await new Promise<void>((onReady) => {
    watching = watchSources(
      [folder],
      (added, gone) => {
        if (added.includes(join(folder, 'fail.md'))) throw new Error('refused');
        for (const path of added) changed.add(path);
        for (const path of gone) removed.add(path);
        wake();
      },
      {
        signal: stop.signal,
        debounceMs: 20,
        onReady,
        onError: (error) => {
          errors.push(error);
          wake();
        },
      },
    );
  });
  onTestFinished(async () => {
    stop.abort();
    await watching;
  });
  const until = async (isReached: () => boolean): Promise<void> => {
    while (!isReached()) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  return { changed, removed, until };
}
