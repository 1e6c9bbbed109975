import type { Documents } from '../stores/knowledge/documents.ts';
import { type Citation, type ContextAnswer, type ContextParts, findContext } from './context.ts';
import type { ContextInput } from './request.ts';

/** What a context with verifiable citations is made with. */
export interface CitedContextParts extends ContextParts {
  readonly documents: Pick<Documents, 'find'>;
}

/** A context whose citations have the content hashes of their documents. Throws like `search`. */
export async function findCitedContext(
  parts: CitedContextParts,
  input: ContextInput,
): Promise<ContextAnswer> {
  const found = new Map<string, ReturnType<Documents['find']>>();
  const find: Documents['find'] = (docId) => {
    const document = found.get(docId) ?? parts.documents.find(docId);
    found.set(docId, document);
    return document;
  };
  const context = await findContext({ ...parts, documents: { find } }, input);
  const citations = await Promise.all(
    context.citations.map(async (citation): Promise<Citation> => {
      const document = await find(citation.docId);
      // Deleted since it was found, or by a program that stores chunks alone.
      return document ? { ...citation, contentHash: document.hash } : citation;
    }),
  );
  return { ...context, citations };
}
