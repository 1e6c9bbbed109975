import { mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeFolder } from '../../src/provision/make-folder.mjs';
import { temporaryFolder } from '../support/temporary-folder.ts';

test('makes a folder and those above it, with the rights given', () => {
  const folder = join(temporaryFolder(), 'a', 'b');
  makeFolder(folder, 0o700);
  expect(statSync(folder).mode & 0o777).toBe(0o700);
  expect(statSync(join(folder, '..')).mode & 0o777).toBe(0o700);
});

test('leaves a folder as it is, also behind a link', () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'there'), { mode: 0o755 });
  symlinkSync(join(folder, 'there'), join(folder, 'link'));
  makeFolder(join(folder, 'link'), 0o700);
  expect(statSync(join(folder, 'there')).mode & 0o777).toBe(0o755);
});

test.each(['file', 'file/below'])('refuses %s where a file is in the way', (path) => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'file'), '');
  expect(() => makeFolder(join(folder, path))).toThrow(expect.objectContaining({ code: 'ENOTDIR' }));
});

test('ends where nothing can be made', () => {
  expect(() => makeFolder('/proc/stacklore/a')).toThrow(expect.objectContaining({ code: 'ENOENT' }));
});
