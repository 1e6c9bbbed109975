import { describe, expect, it } from 'vitest';
import {
  compareVersions,
  isSemanticVersion,
  nextPatch,
} from '../../../src/stores/prompts/semantic-version.ts';

describe('a semantic version', () => {
  it.each([
    ...['0.0.0', '1.4.0', '10.20.30', '2.0.0-rc.1', '1.0.0-0.3.7', '1.0.0-x.7.z.92', '1.0.0-x-y-z.--'],
    ...['1.0.0+20130313144700', '1.0.0-beta+exp.sha.5114f85', '1.0.0+21AF26D3----117B344092BD'],
  ])('is %s', (version) => expect(isSemanticVersion(version)).toBe(true));

  it.each([
    ...['', '1', '1.2', '1.2.3.4', 'v1.2.3', '01.2.3', '1.02.3', '1.2.3-', '1.2.3-01', '1.2.3-a..b'],
    ...['1.2.3+', '1.2.3+a..b', '1.2.3+a+b', ' 1.2.3', '1.2.3\n', '-1.2.3', `1.2.3-${'a'.repeat(300)}`],
  ])('is not %j', (version) => expect(isSemanticVersion(version)).toBe(false));
});

describe('versions', () => {
  it('are ordered as semver.org has it, also where a number is too large to count with', () => {
    const ordered = [
      ...['0.9.0', '1.0.0-1', '1.0.0-99999999999999999998', '1.0.0-99999999999999999999'],
      ...['1.0.0-100000000000000000000', '1.0.0-alpha', '1.0.0-alpha.1', '1.0.0-alpha.beta', '1.0.0-beta'],
      ...['1.0.0-beta.2', '1.0.0-beta.11', '1.0.0-rc.1', '1.0.0', '1.9.0', '1.10.0', '2.0.0'],
    ];
    for (const [at, one] of ordered.entries()) {
      for (const [place, other] of ordered.entries()) {
        expect(Math.sign(compareVersions(one, other)), `${one} ${other}`).toBe(Math.sign(at - place));
      }
    }
    expect(compareVersions('1.0.0+a', '1.0.0+b')).toBe(0);
  });

  it('are followed by the next patch, a pre-release by its release', () => {
    expect(['1.4.0', '2.0.0-rc.1', '1.0.9+build'].map(nextPatch)).toEqual(['1.4.1', '2.0.0', '1.0.10']);
    expect(() => nextPatch('1.0.999999999999999')).toThrow(/is not a semantic version/);
  });
});
