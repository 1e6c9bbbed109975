import { createHash } from 'node:crypto';
import { RESERVED_METADATA } from '../../schema/knowledge.ts';
import type { NewChunk, NewDocument } from '../../stores/knowledge/document.ts';
import type { ForeignRow } from './layout.ts';

/** A document made of rows, without the id it gets. */
export interface RowDocument {
  readonly document: Omit<NewDocument, 'docId'>;
  readonly chunks: readonly NewChunk[];
}

/** What documents and chunks have fields of their own for. */
const OWN_FIELDS: readonly string[] = [...RESERVED_METADATA, 'content_type'];
/** Names under which tools keep where a text came from. */
const SOURCE_NAMES = ['source', 'file_path', 'filename', 'file_name', 'url'] as const;

/** Where a row says its text came from. */
export function sourceOf({ metadata }: ForeignRow): string | undefined {
  for (const name of SOURCE_NAMES) {
    const value = metadata[name];
    if (typeof value === 'string' && value.trim() !== '') return value;
  }
  return undefined;
}

/** Puts the rows of a document in the order of its text, as far as they tell; else in that of their keys. */
export function rowOrder(a: ForeignRow, b: ForeignRow): number {
  return positionOf(a) - positionOf(b) || COLLATOR.compare(a.key, b.key);
}

const COLLATOR = new Intl.Collator('en', { numeric: true });

function positionOf({ metadata }: ForeignRow): number {
  for (const name of ['chunk_index', 'start', 'page']) {
    const value = metadata[name];
    const position = typeof value === 'string' && value !== '' ? Number(value) : value;
    if (typeof position === 'number' && Number.isFinite(position)) return position;
  }
  return 0;
}

/**
 * The document and the chunks that ordered rows make; `fallback` names its source where no row does. Its hash is of all
 * that is kept of the rows, so that it tells whether they are there already.
 */
export function documentOf(
  rows: readonly ForeignRow[],
  { fallback, keepsVectors }: { fallback: string; keepsVectors: boolean },
): RowDocument {
  const shared = sharedMetadata(rows);
  const source = rows.map(sourceOf).find((one) => one !== undefined) ?? fallback;
  const title = rows.map(({ metadata }) => metadata.title).find((one) => typeof one === 'string');
  const contentType = rows
    .map(({ metadata }) => metadata.content_type)
    .find((one) => typeof one === 'string');
  const text = rows.map((row) => row.text).join('\n');
  return {
    document: {
      title: title ?? source.slice(source.lastIndexOf('/') + 1),
      source,
      contentType: contentType ?? 'text',
      wordCount: text.split(/\s+/u).filter((word) => word !== '').length,
      hash: hashOf(rows, keepsVectors),
      metadata: shared,
      origin: 'program',
    },
    chunks: rows.map((row) => chunkOf(row, shared)),
  };
}

function hashOf(rows: readonly ForeignRow[], keepsVectors: boolean): string {
  const hash = createHash('sha256');
  for (const { text, metadata, nodeId, vector } of rows) {
    hash.update(JSON.stringify([text, metadata, nodeId ?? null]));
    if (keepsVectors && vector) hash.update(vector);
  }
  return hash.digest('hex');
}

function chunkOf(
  { text, nodeId, metadata }: ForeignRow,
  shared: Readonly<Record<string, unknown>>,
): NewChunk {
  const own = Object.fromEntries(
    Object.entries(metadata).filter(([name]) => {
      return !(name in shared) && !OWN_FIELDS.includes(name);
    }),
  );
  const { start, end, page, headings } = metadata;
  const isPath = Array.isArray(headings) && headings.every((one) => typeof one === 'string');
  return {
    text,
    metadata: own,
    ...(nodeId !== undefined && { nodeId }),
    ...(isOffset(start) && isOffset(end) && { start, end }),
    ...(isOffset(page) && { page }),
    ...(isPath && { headings }),
  };
}

function isOffset(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** What all rows say alike is said once, of the document. */
function sharedMetadata([first, ...others]: readonly ForeignRow[]): Record<string, unknown> {
  const entries = Object.entries(first?.metadata ?? {}).filter(([name, value]) => {
    if (OWN_FIELDS.includes(name)) return false;
    const json = JSON.stringify(value);
    return others.every(({ metadata }) => name in metadata && JSON.stringify(metadata[name]) === json);
  });
  return Object.fromEntries(entries);
}
