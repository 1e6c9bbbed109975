import { expect, test } from 'vitest';
import { redactText, redactValue } from '../../../src/stores/analytics/redact.ts';

test.each([
  ['connect to redis://admin:s3cr@t@host:6379/0 failed', 'connect to redis://[redacted]@host:6379/0 failed'],
  ['rediss://:hunter2@host', 'rediss://[redacted]@host'],
  ['GET https://user:pw@api.example.com/v1?x=1', 'GET https://[redacted]@api.example.com/v1?x=1'],
  ['Authorization: Bearer abc.def-123456', 'Authorization: [redacted] [redacted]'],
  ['sent Bearer abcdef123456 along', 'sent Bearer [redacted] along'],
  ['password=hunter2 user=ada', 'password=[redacted] user=ada'],
  ['DB_PASSWORD="two words" next', 'DB_PASSWORD=[redacted] next'],
  ['{"api_key": "k-1", "model": "small"}', '{"api_key": [redacted], "model": "small"}'],
  ['accessToken: abc, retries: 3', 'accessToken: [redacted], retries: 3'],
  ['https://host/path?token=abc&page=2', 'https://host/path?token=[redacted]&page=2'],
  ['run --api-key abc123 --verbose', 'run --api-key [redacted] --verbose'],
  ['key sk-abcdefghijklmnop1234 refused', 'key [redacted] refused'],
  ['ghp_abcdefghij0123456789', '[redacted]'],
  ['AKIAABCDEFGHIJKLMNOP', '[redacted]'],
  ['jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln!', 'jwt [redacted]!'],
  ['-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nrest', '[redacted]\nrest'],
])('takes the secret out of %j', (text, redacted) => {
  expect(redactText(text)).toBe(redacted);
});

test.each([
  'The password is wrong. Type it again.',
  '812 tokens: 700 in, 112 out',
  'tokensIn=812',
  'mail ada@example.com',
  'https://example.com/a@b',
  'at Object.<anonymous> (/srv/app/password.ts:10:5)',
  'Collection "docs" holds 384-dimension vectors',
])('leaves %j as it is', (text) => {
  expect(redactText(text)).toBe(text);
});

test('takes members out that are named like secrets, however deep', () => {
  const value = {
    user: 'ada',
    config: {
      password: 'x',
      apiKey: { id: 1 },
      'x-api-key': 1,
      tokens: 12,
      headers: [{ authorization: 'Basic abc' }],
    },
    url: 'redis://a:b@host',
  };
  expect(redactValue(value)).toEqual({
    user: 'ada',
    config: {
      ...{ password: '[redacted]', apiKey: '[redacted]', 'x-api-key': '[redacted]', tokens: 12 },
      headers: [{ authorization: '[redacted]' }],
    },
    url: 'redis://[redacted]@host',
  });
});

test('makes JSON of what is none', () => {
  const circular: Record<string, unknown> = {};
  circular.self = circular;
  expect(() => JSON.stringify(redactValue(circular))).not.toThrow();
  expect(
    redactValue({ at: new Date(0), big: 1n, nan: Number.NaN, gone: undefined, error: new Error('no') }),
  ).toEqual({
    ...{ at: '1970-01-01T00:00:00.000Z', big: '1', nan: 'NaN', error: 'Error: no' },
  });
});

test('looks through long text of any kind without hanging', () => {
  for (const piece of [
    'a',
    'password',
    '://',
    '"',
    '--token ',
    'eyJ',
    '-----BEGIN PRIVATE KEY-----',
    'Bearer ',
  ]) {
    expect(redactText(piece.repeat(100_000 / piece.length)).length).toBeGreaterThan(0);
  }
});
