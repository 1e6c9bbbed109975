import { expect } from 'vitest';
import type { z } from 'zod';

/** Fails unless an answer's body is what its schema says, and holds nothing that the schema does not name. */
export function expectFits(schema: z.ZodType, body: unknown): void {
  const checked = schema.parse(body);
  expect(JSON.parse(JSON.stringify(checked))).toEqual(body);
}
