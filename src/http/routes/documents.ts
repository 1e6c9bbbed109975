import { z } from 'zod';
import { RecordError } from '../../errors.ts';
import type { Stacklore } from '../../stacklore.ts';
import type { StoredDocument } from '../../stores/knowledge/document.ts';
import { type Access, hidden } from '../access.ts';
import { pageQuery } from '../page-query.ts';
import { defineRoute, type Route } from '../route.ts';
import { chunkList, deletedDocument, documentAnswer, documentList } from '../schemas/documents.ts';

const read = { scope: 'read', family: 'documents' } as const;
const params = z.strictObject({ docId: z.string() });
const words = z.string().min(1).max(1_000).optional();
const moment = z.iso
  .datetime({ offset: true, error: 'must be a time such as 2025-01-15T10:30:00Z' })
  .transform((text) => new Date(text))
  .optional();

/** What is ingested. */
export function documentRoutes(): Route[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/v1/documents',
      tag: 'Documents',
      summary: 'The documents of a collection, most recently updated first.',
      access: read,
      query: z.strictObject({
        collection: z.string().min(1).default('default'),
        ...pageQuery(1_000),
        after: words.describe(
          'Goes on where the page ended that gave this as its next; offset counts from there.',
        ),
        contentType: words.describe('Exactly this, such as markdown.'),
        source: words.describe('What the source holds somewhere; capitals do not matter.'),
        title: words.describe('What the title holds somewhere; capitals do not matter.'),
        updatedAfter: moment.describe('In or after this second.'),
        updatedBefore: moment.describe('Before this second.'),
      }),
      response: documentList,
      async handle({ lore, access, query: { collection, ...wanted } }) {
        access.requireCollections(collection);
        await lore.collections.get(collection);
        return lore.documents.list(collection, wanted);
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/v1/documents/:docId',
      tag: 'Documents',
      summary: 'What is known of a document.',
      access: read,
      params,
      response: documentAnswer,
      handle: ({ lore, access, params: { docId } }) => openDocument(lore, access, docId),
    }),
    defineRoute({
      method: 'GET',
      path: '/v1/documents/:docId/chunks',
      tag: 'Documents',
      summary: 'The chunks of a document in order, each with its place.',
      access: read,
      params,
      query: z.strictObject(pageQuery(1_000)),
      response: chunkList,
      async handle({ lore, access, params: { docId }, query }) {
        return lore.documents.chunkPage(await openDocument(lore, access, docId), query);
      },
    }),
    defineRoute({
      method: 'DELETE',
      path: '/v1/documents/:docId',
      tag: 'Documents',
      summary: 'Deletes a document with its chunks.',
      access: { scope: 'write', family: 'documents' },
      params,
      response: deletedDocument,
      async handle({ lore, access, params: { docId } }) {
        await openDocument(lore, access, docId);
        const { chunkCount: deleted } = await lore.documents.delete(docId);
        return { docId, deleted };
      },
    }),
  ];
}

/** A document that the caller's key opens. Throws `not_found`. */
async function openDocument(lore: Stacklore, access: Access, docId: string): Promise<StoredDocument> {
  if (!access.isNarrowed) return lore.documents.get(docId);
  const document = await findOpened(lore, access, docId);
  if (!document) throw hidden();
  return document;
}

/** A document, if the caller's key reaches its collection; to a narrowed key one that cannot be read may be anyone's. */
export async function findOpened(
  lore: Stacklore,
  access: Access,
  docId: string,
): Promise<StoredDocument | undefined> {
  const document = await lore.documents.find(docId).catch((error: unknown) => {
    if (error instanceof RecordError && access.isNarrowed) return undefined;
    throw error;
  });
  return document && access.reaches(document.collection ?? 'default') ? document : undefined;
}
