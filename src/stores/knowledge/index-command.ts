import type { CollectionField, Manifest } from '../../schema/knowledge.ts';
import { chunkPrefix } from './document-ids.ts';
import { attributeArguments } from './ft-index.ts';
import { indexedVectorField, termsFields } from './index-fields.ts';

/** Attributes of a document that every collection's index can filter by. */
export const DOCUMENT_ATTRIBUTES = [
  { attribute: 'doc_id', type: 'tag', mayBeMissing: false },
  { attribute: 'node_id', type: 'tag', mayBeMissing: false },
  { attribute: 'source', type: 'tag', mayBeMissing: true },
  { attribute: 'content_type', type: 'tag', mayBeMissing: true },
  { attribute: 'updated_at', type: 'number', mayBeMissing: true },
] as const;

/** The name a collection's filterable metadata field has in the hash and in the index. */
export function metadataAttribute(field: string): string {
  return `meta_${field}`;
}

/** The FT.CREATE of a collection's index, or of one of chunks with another prefix. */
export function createCommand(
  index: string,
  collection: string,
  manifest: Manifest,
  prefix = chunkPrefix(collection),
): string[] {
  return [
    ...['FT.CREATE', index, 'ON', 'HASH', 'PREFIX', '1', prefix, ...INDEX_OPTIONS, 'SCHEMA'],
    ...vectorAttribute(manifest),
    ...(manifest.analyser ? termsAttributes(manifest).flat() : []),
    ...DOCUMENT_ATTRIBUTES.flatMap(attributeArguments),
    ...manifest.fields.flatMap(fieldAttribute),
  ];
}

/** The analyser drops stop words by language, and nobody asks for phrases, so places of words need no memory. */
const INDEX_OPTIONS = ['NOOFFSETS', 'STOPWORDS', '0'];

/**
 * The terms of chunks as FT.CREATE and FT.ALTER take them. Stems are made by the analyser already; another time would
 * join what it keeps apart. A chunk's own term counts as if it stood there three times as often: measured on four
 * collections, where 2 and 4 are as good.
 */
export function termsAttributes(manifest: Pick<Manifest, 'next'>): string[][] {
  const { own, nearby } = termsFields(manifest);
  return [
    named(own, 'analysed', ['TEXT', 'NOSTEM', 'WEIGHT', '3']),
    named(nearby, 'analysed_nearby', ['TEXT', 'NOSTEM']),
  ];
}

/** An attribute by the name that queries use, whatever field it is read from. */
function named(field: string, attribute: string, words: readonly string[]): string[] {
  return field === attribute ? [field, ...words] : [field, 'AS', attribute, ...words];
}

function vectorAttribute(manifest: Manifest): string[] {
  const { dimensions, metric, index, vectorType } = manifest;
  const common = ['TYPE', vectorType.toUpperCase(), 'DIM', String(dimensions), 'DISTANCE_METRIC', metric];
  const settings =
    index.kind === 'flat'
      ? common
      : [
          ...common,
          ...['M', String(index.m), 'EF_CONSTRUCTION', String(index.efConstruction)],
          ...['EF_RUNTIME', String(index.efRuntime)],
        ];
  const words = ['VECTOR', index.kind.toUpperCase(), String(settings.length), ...settings];
  return named(indexedVectorField(manifest), 'embedding', words);
}

/** A declared field as FT.CREATE and FT.ALTER take it. */
export function fieldAttribute({ name, type }: CollectionField): string[] {
  return attributeArguments({ attribute: metadataAttribute(name), type, mayBeMissing: true });
}
