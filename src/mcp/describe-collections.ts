import { z } from 'zod';
import type { Stacklore } from '../stacklore.ts';
import type { VisibleCollections } from './visible-collections.ts';

/** A collection as clients are told of it. */
export const collectionOutput = z.object({
  name: z.string(),
  documents: z.number(),
  fields: z.array(z.object({ name: z.string(), type: z.string() })),
  language: z.string().nullable().describe('Of its words; null where they are not indexed'),
  model: z
    .string()
    .nullable()
    .describe('What embedded it; null where only its words can be searched, by its name and mode text'),
});

/** Every visible collection with the number of its documents. */
export async function describeCollections(parts: {
  readonly lore: Stacklore;
  readonly collections: VisibleCollections;
}): Promise<z.output<typeof collectionOutput>[]> {
  const visible = await parts.collections.list();
  return Promise.all(
    visible.map(async ({ name, manifest }) => ({
      name,
      documents: await parts.lore.documents.count(name),
      fields: manifest.fields,
      language: manifest.analyser?.language ?? null,
      model: manifest.model?.name ?? null,
    })),
  );
}
