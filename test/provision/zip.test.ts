import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { extractZipEntries } from '../../src/provision/zip.ts';
import { makeZip } from '../support/make-zip.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const LONG = Buffer.from('stacklore '.repeat(50_000));

test.each([true, false])('takes single files out of an archive (packed: %s)', async (deflate) => {
  const folder = temporaryFolder();
  const archive = join(folder, 'a.whl');
  writeFileSync(archive, makeZip({ 'other.txt': 'no', 'deep/long.bin': LONG, 'empty.txt': '' }, { deflate }));
  await extractZipEntries(
    archive,
    new Map([
      ['deep/long.bin', join(folder, 'long')],
      ['empty.txt', join(folder, 'empty')],
    ]),
  );
  expect(readFileSync(join(folder, 'long')).equals(LONG)).toBe(true);
  expect(readFileSync(join(folder, 'empty'), 'utf8')).toBe('');
});

test.each([
  ['lacks the file', makeZip({ a: 'a' }), 'holds no b'],
  ['is no archive', Buffer.from('<html>not found</html>'), 'no complete zip archive'],
  ['is empty', Buffer.alloc(0), 'no complete zip archive'],
  ['is cut short', makeZip({ b: LONG }).subarray(0, 100_000), 'no complete zip archive'],
  ['lost its beginning', makeZip({ b: LONG }).subarray(1_000), 'out of bounds'],
])('refuses an archive that %s', async (_name, bytes, reason) => {
  const folder = temporaryFolder();
  const archive = join(folder, 'a.whl');
  writeFileSync(archive, bytes);
  const extraction = extractZipEntries(archive, new Map([['b', join(folder, 'b')]]));
  await expect(extraction).rejects.toMatchObject({
    code: 'parse_failed',
    message: expect.stringContaining(reason),
  });
});

test('refuses a file whose packed bytes are damaged', async () => {
  const folder = temporaryFolder();
  const archive = join(folder, 'a.whl');
  const bytes = makeZip({ b: LONG }, { deflate: true });
  bytes.fill(0xff, 60, 120);
  writeFileSync(archive, bytes);
  await expect(extractZipEntries(archive, new Map([['b', join(folder, 'b')]]))).rejects.toThrow(
    'cannot be unpacked',
  );
});
