import { z } from 'zod';

const WHOLE = /^[+-]?\d{1,15}$/;
const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)$/;

/** A flag's whole number within limits. Written out: JavaScript alone would read "", " " and "0x10" as numbers too. */
export function wholeNumber(smallest: number, largest = Number.MAX_SAFE_INTEGER) {
  const limits =
    largest === Number.MAX_SAFE_INTEGER ? `of at least ${smallest}` : `from ${smallest} to ${largest}`;
  const message = `must be a whole number ${limits}`;
  return z
    .string()
    .regex(WHOLE, message)
    .transform(Number)
    .pipe(z.number().min(smallest, message).max(largest, message));
}

/** A flag's number, whose limits are checked by what it is handed to. */
export function decimalNumber() {
  return z.string().regex(DECIMAL, 'must be a number').transform(Number);
}

/** A flag's JSON object. */
export function jsonObjectFlag() {
  return z.string().transform((given, context): Record<string, unknown> => {
    const parsed = jsonObject.safeParse(parse(given));
    if (parsed.success) return parsed.data;
    context.addIssue({ code: 'custom', message: 'must be a JSON object, e.g. \'{"key":"value"}\'' });
    return z.NEVER;
  });
}

const jsonObject = z.record(z.string(), z.unknown());

function parse(given: string): unknown {
  try {
    return JSON.parse(given);
  } catch {
    return undefined;
  }
}
