import { z } from 'zod';
import { StackloreError } from '../errors.ts';
import { type CollectionField, collectionField, indexChoice, vectorType } from '../schema/knowledge.ts';
import { ANALYSER_LANGUAGES } from '../text/analyser.ts';
import type { Flag } from './command.ts';
import { wholeNumber } from './flag-values.ts';

/** Flags of every command that may make a collection. */
export const COLLECTION_FLAGS: readonly Flag[] = [
  {
    flags: '--fields <list>',
    description: 'filterable metadata fields of a new collection, e.g. lang:tag,year:number',
  },
  {
    flags: '--index <kind>',
    description:
      'index of a new collection: auto (default: flat while it is small, then hnsw), hnsw or flat (exact)',
  },
  { flags: '--chunk-size <tokens>', description: 'most tokens of a chunk in a new collection (128)' },
  {
    flags: '--overlap <tokens>',
    description: 'tokens a chunk repeats of the one before, in a new collection (32)',
  },
  {
    flags: '--language <language>',
    description: 'language whose words are reduced to stems, in a new collection (english); none for a mix',
  },
  {
    flags: '--vector-type <type>',
    description: 'vectors of a new collection: float32 (default), or float16 in half the memory',
  },
];

/** The schema of those flags. */
export const collectionFlags = {
  fields: z.string().transform(parseFields).optional(),
  index: indexChoice.optional(),
  chunkSize: wholeNumber(0).optional(),
  overlap: wholeNumber(0).optional(),
  language: z.enum(ANALYSER_LANGUAGES).optional(),
  vectorType: vectorType.optional(),
};

/** `lang:tag,year:number` as declared fields. Throws `invalid_input`. */
export function parseFields(list: string): CollectionField[] {
  return list.split(',').map((item) => {
    const [name, type = 'tag', ...rest] = item.trim().split(':');
    const checked = collectionField.safeParse({ name, type });
    if (checked.success && rest.length === 0) return checked.data;
    const reason = checked.error?.issues.map(({ message }) => `${message}. `).join('') ?? '';
    throw new StackloreError('invalid_input', {
      message: `"${item}" declares no field: ${reason}Write name:tag or name:number, separated by commas.`,
    });
  });
}
