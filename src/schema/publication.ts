import { integer, text } from './fields.ts';
import { hash, type ValueOf } from './record.ts';

/**
 * A document that is being published or deleted in steps, because its keys lie on several servers. Its key has the slot
 * of the document's, which it holds as its hash tag, so that one script sees both.
 */
export const publicationRecord = hash({
  database: 'knowledge',
  key: 'stacklore:publishing:{document}',
  description:
    'A document that is being published in steps: who may, until when, and which chunks may be left over. `{document}` is the key of the document in braces.',
  isHelper: true,
  fields: {
    docId: text,
    collection: text,
    /** Of the chunks that its holder writes; whoever holds another one has lost it. */
    generation: integer,
    /** Unix microseconds of the server after which others may take it over. */
    until: integer,
    /** So many chunks may lie at the numbers from 0, and so many at those from `PARKED`. */
    placed: integer,
    parked: integer,
    /** The content hash of the version before. */
    hash: text.optional(),
  },
});
export type PublicationState = ValueOf<typeof publicationRecord>;
