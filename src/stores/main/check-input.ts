import { StackloreError } from '../../errors.ts';

/** Throws `invalid_input` unless the value is an object, and of these keys only where they are given. */
export function checkObject(value: unknown, what: string, keys?: readonly string[]): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new StackloreError('invalid_input', { message: `The ${what} must be an object. Give one.` });
  }
  const unknown = keys ? Object.keys(value).find((key) => !keys.includes(key)) : undefined;
  if (unknown === undefined) return;
  throw new StackloreError('invalid_input', {
    message: `The ${what} has no "${unknown}". Give ${keys?.join(', ')}.`,
  });
}

/** Throws `invalid_input` unless offset and limit are whole numbers of a page. */
export function checkPage({ offset, limit }: { offset: number; limit: number }): void {
  checkWhole(offset, 'offset', { least: 0 });
  checkWhole(limit, 'limit', { least: 1, most: MOST_A_PAGE });
}

/** Throws `invalid_input` unless the value is a whole number within limits. */
export function checkWhole(
  value: unknown,
  name: string,
  { least, most = Number.MAX_SAFE_INTEGER }: { least: number; most?: number },
): void {
  if (Number.isSafeInteger(value) && Number(value) >= least && Number(value) <= most) return;
  const limits = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
  throw new StackloreError('invalid_input', { message: `${name} must be a whole number ${limits}.` });
}

const MOST_A_PAGE = 10_000;
