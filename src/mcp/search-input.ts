import { z } from 'zod';
import type { Filter } from '../search/filter.ts';
import type { Collection } from '../stores/knowledge/collections.ts';

/** The most hits, or facts, one call gives. */
const MAX_TOP_K = 50;

/** What is asked. */
export const queryInput = z
  .string('must be text')
  .describe('The question, or what is looked for, in plain words of any language the documents are in.');

/** How much is given. */
export const topKInput = z.int().min(1).max(MAX_TOP_K).default(8).describe('How many at most.');

/** Which chunks are looked at; what collections and fields there are is added when the tools are listed. */
export const scopeInput = {
  collections: z
    .array(z.string().min(1))
    .min(1)
    .max(100)
    .optional()
    .describe('Collections to look in; all of them when left out.'),
  filter: z
    .record(z.string(), z.unknown(), 'must be an object such as {"lang":"en"}')
    .optional()
    .describe('Conditions on fields of the documents.'),
};

/** A filter as the search takes it, which checks all of it. */
export function filterOf(filter: Record<string, unknown> | undefined): { filter?: Filter } {
  return filter === undefined ? {} : { filter: filter as Filter };
}

/** The declared fields of a collection that some metadata holds: the ones that can be filtered by. */
export function declaredFields(
  metadata: Readonly<Record<string, unknown>> = {},
  collection: Pick<Collection, 'manifest'> | undefined,
): Record<string, unknown> {
  const names = collection?.manifest.fields.map(({ name }) => name) ?? [];
  return Object.fromEntries(Object.entries(metadata).filter(([name]) => names.includes(name)));
}
