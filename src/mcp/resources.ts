import {
  ErrorCode,
  type ListResourcesResult,
  McpError,
  type ReadResourceResult,
  type Resource,
  type ResourceTemplate,
} from '@modelcontextprotocol/sdk/types.js';
import type { Stacklore } from '../stacklore.ts';
import type { StoredDocument } from '../stores/knowledge/document.ts';
import { joinChunks } from '../stores/knowledge/document-text.ts';
import { describeCollections } from './describe-collections.ts';
import { decodeCursor, encodeCursor } from './page-cursor.ts';
import {
  COLLECTION_TEMPLATE,
  COLLECTIONS_URI,
  collectionUri,
  DOCUMENT_TEMPLATE,
  documentUri,
  parseResourceUri,
} from './resource-uri.ts';
import type { VisibleCollections } from './visible-collections.ts';

/** Documents on one page of the list. */
const PAGE_SIZE = 100;
/** The longest text of one resource, in UTF-16 units; get_document reads the rest. */
const MAX_LENGTH = 400_000;
/** The protocol's code for a resource that is not there, which its SDK does not name. */
const RESOURCE_NOT_FOUND = -32_002;

/** What resources are read from. */
export interface ResourceParts {
  readonly lore: Stacklore;
  readonly collections: VisibleCollections;
}

/** What can be read without being listed. */
export const RESOURCE_TEMPLATES: readonly ResourceTemplate[] = [
  {
    ...{ uriTemplate: DOCUMENT_TEMPLATE, name: 'document', title: 'Document', mimeType: 'text/plain' },
    description: 'The text of a document, with its title and source.',
  },
  {
    ...{ uriTemplate: COLLECTION_TEMPLATE, name: 'collection', title: 'Collection' },
    ...{ mimeType: 'application/json', description: 'What a collection holds and can be filtered by.' },
  },
];

/**
 * The collections and then, page by page, the documents of each, most recently updated first. Throws `McpError` for a
 * cursor that is not ours.
 */
export async function listResources(
  { lore, collections }: ResourceParts,
  cursor?: string,
): Promise<ListResourcesResult> {
  const names = (await collections.list()).map(({ name }) => name);
  const begin = cursor === undefined ? { collection: '', offset: 0 } : decodeCursor(cursor);
  if (!begin) {
    throw new McpError(ErrorCode.InvalidParams, 'This cursor is not of this list. Begin without a cursor.');
  }
  const resources = cursor === undefined ? collectionResources(names) : [];
  let room = PAGE_SIZE;
  // A collection may be gone since the page before: the list goes on with the next one.
  for (const name of names.filter((one) => one >= begin.collection)) {
    if (room === 0) return { resources, nextCursor: encodeCursor({ collection: name, offset: 0 }) };
    const offset = name === begin.collection ? begin.offset : 0;
    const { items, total } = await lore.documents.list(name, { offset, limit: room });
    resources.push(...items.map(documentResource));
    const end = offset + room;
    if (end < total) return { resources, nextCursor: encodeCursor({ collection: name, offset: end }) };
    room -= Math.max(0, total - offset);
  }
  return { resources };
}

/** A resource's text. Throws `McpError` where there is none of this URI. */
export async function readResource(parts: ResourceParts, uri: string): Promise<ReadResourceResult> {
  const name = parseResourceUri(uri);
  if (!name) throw absent(uri);
  if (name.kind === 'document') {
    return { contents: [await readDocument(parts, uri, name.id)] };
  }
  const all = await describeCollections(parts);
  const one = name.kind === 'collection' ? all.find((collection) => collection.name === name.id) : all;
  if (!one) throw absent(uri);
  return { contents: [{ uri, mimeType: 'application/json', text: JSON.stringify(one, null, 2) }] };
}

async function readDocument({ lore, collections }: ResourceParts, uri: string, docId: string) {
  const document = await collections.findDocument(docId);
  if (!document) throw absent(uri);
  const { text } = await joinChunks(lore.documents.chunks(document));
  const shown = text.slice(0, MAX_LENGTH).toWellFormed();
  const rest =
    shown.length < text.length
      ? `\n\n[It goes on: call get_document with docId ${docId} and start ${shown.length}.]`
      : '';
  const { title, source } = document;
  return {
    ...{ uri, mimeType: mimeTypeOf(document) },
    text: `Title: ${title}\nSource: ${source}\n\n${shown}${rest}`,
  };
}

function collectionResources(names: readonly string[]): Resource[] {
  const mimeType = 'application/json';
  return [
    { uri: COLLECTIONS_URI, name: 'collections', title: 'Collections', mimeType },
    ...names.map((name) => ({ uri: collectionUri(name), name, title: `Collection ${name}`, mimeType })),
  ];
}

function documentResource(document: StoredDocument): Resource {
  const { docId, title, source, updatedAt } = document;
  return {
    ...{ uri: documentUri(docId), name: source, title, mimeType: mimeTypeOf(document) },
    annotations: { lastModified: updatedAt.toISOString() },
  };
}

/** Of the text that is kept: only Markdown keeps its marks. */
function mimeTypeOf({ contentType }: StoredDocument): string {
  return contentType === 'markdown' ? 'text/markdown' : 'text/plain';
}

function absent(uri: string): McpError {
  return new McpError(RESOURCE_NOT_FOUND, `There is no resource ${uri}. List the resources to see them.`, {
    uri,
  });
}
