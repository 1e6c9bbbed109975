import { expect, test } from 'vitest';
import { concealedTitle } from '../../src/cli/process-title.ts';

test('a command line is shown without the users and passwords of its URLs', () => {
  const args = [
    'migrate',
    '--redis-url',
    'rediss://app:p@s/s@host:6379',
    '--from-url',
    'unix://u:pw@/run/redis.sock',
  ];
  expect(concealedTitle(args)).toBe(
    'stacklore migrate --redis-url rediss://…@host:6379 --from-url unix://…@/run/redis.sock',
  );
});

test('a command line without secrets stays as it is', () => {
  expect(
    concealedTitle(['search', 'who is ann@example.com?', '--redis-url', 'redis://host']),
  ).toBeUndefined();
});
