import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readPasswordFile } from '../../src/redis/password-file.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const setting = 'databases.main.passwordFile (STACKLORE_MAIN_PASSWORD_FILE)';

function fileWith(content: string | Buffer) {
  const path = join(temporaryFolder(), 'password');
  writeFileSync(path, content);
  return { path, setting };
}

test.each([
  ['s3cret', 's3cret'],
  ['s3cret\n', 's3cret'],
  ['s3cret\r\n', 's3cret'],
  [' with spaces \n', ' with spaces '],
  ['pässword', 'pässword'],
])('reads %j', (content, password) => {
  expect(readPasswordFile(fileWith(content))).toBe(password);
});

test.each([
  ['nothing', '', /which is empty/],
  ['an empty line', '\n', /which is empty/],
  ['several lines', 'secret\nsecret', /which has several lines/],
  ['another file', 'secret'.repeat(1_000), /more than 4096 bytes/],
  ['bytes that are no text', Buffer.from([0xff, 0xfe, 0x73]), /not UTF-8/],
])('refuses %s without quoting it', (_what, content, problem) => {
  const file = fileWith(content);
  const read = () => readPasswordFile(file);
  expect(read).toThrow(expect.objectContaining({ code: 'invalid_config' }));
  expect(read).toThrow(problem);
  expect(read).toThrow(/STACKLORE_MAIN_PASSWORD_FILE/);
  expect(read).not.toThrow(/secret/);
});

test('refuses what cannot be read', () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'inner'));
  expect(() => readPasswordFile({ path: join(folder, 'inner'), setting })).toThrow(/it is a folder/);
  expect(() => readPasswordFile({ path: join(folder, 'gone'), setting })).toThrow(/there is no such file/);
});
