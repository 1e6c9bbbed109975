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
  const context = await findContext(parts, input);
  const hashes = new Map<string, Promise<string | undefined>>();
  const hashOf = (docId: string) => {
    const hash = hashes.get(docId) ?? parts.documents.find(docId).then((document) => document?.hash);
    hashes.set(docId, hash);
    return hash;
  };
  const citations = await Promise.all(
    context.citations.map(async (citation): Promise<Citation> => {
      const contentHash = await hashOf(citation.docId);
      // Deleted since it was found, or by a program that stores chunks alone.
      return contentHash === undefined ? citation : { ...citation, contentHash };
    }),
  );
  return { ...context, citations };
}
