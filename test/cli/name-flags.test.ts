import { expect, test } from 'vitest';
import { nameFlags } from '../../src/cli/name-flags.ts';

const command = {
  flags: [
    { flags: '--chunk-size <tokens>', description: '' },
    { flags: '--file <path>', description: '' },
    { flags: '--no-gitignore', description: '' },
  ],
  settingFlags: { chunkOverlap: 'overlap', 'databases.knowledge.number': 'to-number' },
};

test.each([
  ['settings.chunkSize: must be a whole number', '--chunk-size: must be a whole number'],
  ['chunkSize and chunkOverlap do not fit', '--chunk-size and --overlap do not fit'],
  ['name the file to write (file).', 'name the file to write (--file).'],
  ['Stop. file: must not be empty; file does not go', 'Stop. --file: must not be empty; file does not go'],
  ['read.gitignore: must be true or false', 'read.gitignore: must be true or false'],
  ['The file "file" is no file.', 'The file "file" is no file.'],
])('%s', (message, named) => {
  expect(nameFlags(message, command)).toBe(named);
});

test('settings of the configuration are named as flags where those were given', () => {
  const message = 'Choose a smaller databases.knowledge.number.';
  expect(nameFlags(message, command)).toBe(message);
  expect(nameFlags(message, command, { toNumber: 99 })).toBe('Choose a smaller --to-number.');
  const home = 'Not usable. home (STACKLORE_HOME): must name a folder.';
  expect(nameFlags(home, command)).toBe(home);
  expect(nameFlags(home, command, { home: '' })).toContain(' --home (STACKLORE_HOME)');
});
