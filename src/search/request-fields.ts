import { z } from 'zod';

/** A whole number within limits. */
export const count = (smallest: number, largest: number) => {
  const message = `must be a whole number from ${smallest} to ${largest}`;
  return z.int({ error: message }).min(smallest, message).max(largest, message);
};

/** Whether this is a list of numbers; that they are finite is checked with the collection's dimensions. */
export function isNumbers(value: unknown): boolean {
  return (
    value instanceof Float32Array ||
    (Array.isArray(value) && value.every((element) => typeof element === 'number'))
  );
}
