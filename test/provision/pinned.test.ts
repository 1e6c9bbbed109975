import { expect, it } from 'vitest';
import { DEFAULT_MODEL, tokenizerIdentity } from '../../src/provision/pinned.ts';

it('takes the two known tokenizer files of the default model for one, and any other for itself', () => {
  const [first, second] = DEFAULT_MODEL.tokenizerSha256;
  expect(tokenizerIdentity(second)).toBe(tokenizerIdentity(first));
  expect(tokenizerIdentity('a'.repeat(64))).toBe('a'.repeat(64));
});
