/** The list of collections as a resource, and the templates of what a client may read. */
export const COLLECTIONS_URI = 'stacklore://collections';
export const COLLECTION_TEMPLATE = 'stacklore://collections/{collection}';
export const DOCUMENT_TEMPLATE = 'stacklore://documents/{docId}';

/** What a URI of ours names. */
export type ResourceName =
  | { readonly kind: 'collections' }
  | { readonly kind: 'collection' | 'document'; readonly id: string };

/** The resource that is a document's text. */
export function documentUri(docId: string): string {
  return DOCUMENT_TEMPLATE.replace('{docId}', encodeURIComponent(docId));
}

/** The resource that describes a collection. */
export function collectionUri(collection: string): string {
  return COLLECTION_TEMPLATE.replace('{collection}', encodeURIComponent(collection));
}

/** What a URI names, or `undefined` for one that is not ours. */
export function parseResourceUri(uri: string): ResourceName | undefined {
  if (uri === COLLECTIONS_URI) return { kind: 'collections' };
  const [, kind, encoded = ''] = /^stacklore:\/\/(collections|documents)\/([^/?#]+)$/.exec(uri) ?? [];
  if (kind === undefined) return undefined;
  try {
    return { kind: kind === 'documents' ? 'document' : 'collection', id: decodeURIComponent(encoded) };
  } catch {
    return undefined;
  }
}
