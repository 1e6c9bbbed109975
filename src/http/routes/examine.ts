import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { citation } from '../../maintenance/verify-citation.ts';
import { isId } from '../../schema/key.ts';
import { explainRequest } from '../../search/explain.ts';
import { defineRoute, type Route } from '../route.ts';
import { citationCheck, explanationAnswer } from '../schemas/examine.ts';
import { findOpened } from './documents.ts';
import { reach } from './search.ts';

/** What looks into answers. */
export function examineRoutes(): Route[] {
  return [
    defineRoute({
      method: 'POST',
      path: '/v1/explain',
      tag: 'Search',
      summary: 'Why a document is, or is not, in the answer of a search.',
      access: { scope: 'read', family: 'documents' },
      body: z.strictObject(explainRequest.shape),
      response: explanationAnswer,
      handle({ lore, access, body }) {
        const mayName = (collection: string) => access.reaches(collection);
        return lore.explain({ ...body, ...reach(access, body) }, access.isNarrowed ? { mayName } : {});
      },
    }),
    defineRoute({
      method: 'POST',
      path: '/v1/verify-citation',
      tag: 'Search',
      summary: 'Whether what was cited still stands in its document as stored.',
      description: 'Takes a citation as a context gives it; `docId` and `text` or `contentHash` are enough.',
      access: { scope: 'read', family: 'documents' },
      body: citation,
      response: citationCheck,
      async handle({ lore, access, body }) {
        const { docId } = body;
        if (isId(docId) && (await findOpened(lore, access, docId))) return lore.verifyCitation(body);
        // What the key does not open is looked for where nothing is, to be told of in the very words.
        return { ...(await lore.verifyCitation({ ...body, docId: randomUUID() })), docId };
      },
    }),
  ];
}
