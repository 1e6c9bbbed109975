import { z } from 'zod';
import { StackloreError } from '../errors.ts';
import { isId } from './key.ts';
import { ACCESS_FAMILIES, SCOPES } from './main.ts';

const id = z.custom<string>(isId, 'must be an id of 1 to 512 bytes');

/** What a key is made from. Nothing is opened that is not named, but for collections, which are all unless listed. */
export const newApiKey = z.strictObject({
  /** Whose it is, for people. */
  name: z.string('must be text').trim().min(1, 'must say whose key it is').max(200),
  scopes: z
    .array(z.enum(SCOPES, `must be ${SCOPES.join(', ')}`))
    .min(1, 'must name a scope')
    .default(['read']),
  families: z
    .array(z.enum(ACCESS_FAMILIES, `must be ${ACCESS_FAMILIES.join(', ')}`))
    .min(1, 'must name a family')
    .default(['documents']),
  collections: z.array(id).min(1, 'must name a collection').max(1_000).optional(),
  userId: id.optional(),
  /** The key opens nothing from this moment on. */
  expiresAt: z.date('must be a date').optional(),
});
export type NewApiKey = z.input<typeof newApiKey>;

/** Checks a new API key and fills in its defaults. Throws `invalid_input` naming each bad field. */
export function parseNewApiKey(input: unknown): z.output<typeof newApiKey> {
  const checked = newApiKey.safeParse(input);
  if (checked.success) return checked.data;
  const problems = checked.error.issues.map(({ path, message }) => `${path.join('.') || 'key'}: ${message}`);
  throw new StackloreError('invalid_input', { message: `No API key was made. ${problems.join('; ')}.` });
}
