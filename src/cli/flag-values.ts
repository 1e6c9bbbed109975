import { z } from 'zod';

const WHOLE = /^[+-]?\d{1,15}$/;
const DATE = /^\d{4}-\d{2}-\d{2}(-\d{2}|T.+)?$/;
const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)$/;

/** A flag's day, hour or moment; which of them there are is checked by what it is handed to. */
export function dateFlag() {
  const message = 'must be a day such as 2025-01-15, an hour such as 2025-01-15-10 or an ISO 8601 timestamp';
  return required().regex(DATE, message);
}

/** A flag's whole number within limits. Written out: JavaScript alone would read "", " " and "0x10" as numbers too. */
export function wholeNumber(smallest: number, largest = Number.MAX_SAFE_INTEGER) {
  const limits =
    largest === Number.MAX_SAFE_INTEGER ? `of at least ${smallest}` : `from ${smallest} to ${largest}`;
  const message = `must be a whole number ${limits}`;
  return required()
    .regex(WHOLE, message)
    .transform(Number)
    .pipe(z.number().min(smallest, message).max(largest, message));
}

/** A flag's number, whose limits are checked by what it is handed to. */
export function decimalNumber() {
  return required().regex(DECIMAL, 'must be a number').transform(Number);
}

/** A flag's JSON object. */
export function jsonObjectFlag() {
  return required().transform((given, context): Record<string, unknown> => {
    const parsed = jsonObject.safeParse(parse(given));
    if (parsed.success) return parsed.data;
    context.addIssue({ code: 'custom', message: 'must be a JSON object, e.g. \'{"key":"value"}\'' });
    return z.NEVER;
  });
}

/** A flag's text, which is missed unless the flag is optional. */
function required() {
  return z.string({ error: ({ input }) => (input === undefined ? 'is required' : undefined) });
}

const jsonObject = z.record(z.string(), z.unknown());

function parse(given: string): unknown {
  try {
    return JSON.parse(given);
  } catch {
    return undefined;
  }
}
