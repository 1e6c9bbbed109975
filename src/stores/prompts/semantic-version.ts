import { StackloreError } from '../../errors.ts';

const VERSION =
  /^(0|[1-9]\d{0,14})\.(0|[1-9]\d{0,14})\.(0|[1-9]\d{0,14})(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?$/;
const WHOLE = /^\d+$/;
const MAX_LENGTH = 256;

interface SemanticVersion {
  readonly numbers: readonly [number, number, number];
  readonly prerelease: readonly string[];
}

/** True for a version as semver.org writes it, of at most 256 characters: `1.4.0`, `2.0.0-rc.1`. */
export function isSemanticVersion(version: string): boolean {
  return parse(version) !== undefined;
}

/** Throws `invalid_input` unless the version is a semantic one. */
export function checkSemanticVersion(version: string): string {
  if (isSemanticVersion(version)) return version;
  throw new StackloreError('invalid_input', {
    message: `"${version.slice(0, 80)}" is not a semantic version. Give three numbers, such as 1.4.0.`,
  });
}

/** Negative when `one` precedes `other`, 0 when neither does; both semantic. Build metadata does not count. */
export function compareVersions(one: string, other: string): number {
  const [a, b] = [parse(one), parse(other)];
  if (!a || !b) return 0;
  for (const [at, number] of a.numbers.entries()) {
    const difference = number - (b.numbers[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return comparePrereleases(a.prerelease, b.prerelease);
}

/** The next patch: `1.4.0` gives `1.4.1`; what a pre-release precedes comes next after it. */
export function nextPatch(version: string): string {
  const parsed = parse(checkSemanticVersion(version));
  const [major, minor, patch] = parsed?.numbers ?? [0, 0, 0];
  // Beyond the largest number that is taken it is no version any more.
  return checkSemanticVersion(`${major}.${minor}.${parsed?.prerelease.length === 0 ? patch + 1 : patch}`);
}

function parse(version: string): SemanticVersion | undefined {
  const match = version.length <= MAX_LENGTH ? VERSION.exec(version) : null;
  if (!match) return undefined;
  const prerelease = match[4]?.split('.') ?? [];
  if (prerelease.some((part) => WHOLE.test(part) && part.length > 1 && part.startsWith('0')))
    return undefined;
  return { numbers: [Number(match[1]), Number(match[2]), Number(match[3])], prerelease };
}

/** A pre-release precedes its release; parts compare as numbers where both are, and a number precedes a word. */
function comparePrereleases(one: readonly string[], other: readonly string[]): number {
  if (one.length === 0 || other.length === 0) return other.length - one.length;
  for (const [at, part] of one.entries()) {
    const against = other[at];
    if (against === undefined) return 1;
    if (part === against) continue;
    const [isNumber, againstNumber] = [WHOLE.test(part), WHOLE.test(against)];
    // Without leading zeros the longer number is the larger one, also where it is too large for `Number`.
    if (isNumber && againstNumber && part.length !== against.length) return part.length - against.length;
    if (isNumber !== againstNumber) return isNumber ? -1 : 1;
    return part < against ? -1 : 1;
  }
  return one.length - other.length;
}
