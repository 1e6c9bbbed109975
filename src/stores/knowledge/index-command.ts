import type { CollectionField, Manifest } from '../../schema/knowledge.ts';
import { chunkPrefix } from './document-ids.ts';
import { attributeArguments } from './ft-index.ts';
import { indexedVectorField, termsField } from './index-fields.ts';

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

/** The FT.CREATE of a collection's index. */
export function createCommand(index: string, collection: string, manifest: Manifest): string[] {
  return [
    ...['FT.CREATE', index, 'ON', 'HASH', 'PREFIX', '1', chunkPrefix(collection), 'STOPWORDS', '0', 'SCHEMA'],
    ...vectorAttribute(manifest),
    ...(manifest.analyser ? termsAttribute(manifest) : []),
    ...DOCUMENT_ATTRIBUTES.flatMap(attributeArguments),
    ...manifest.fields.flatMap(fieldAttribute),
  ];
}

/** The terms of chunks as FT.CREATE and FT.ALTER take them. */
export function termsAttribute(manifest: Pick<Manifest, 'next'>): string[] {
  // Stems are made by the analyser already; another time would join what it keeps apart.
  return named(termsField(manifest), 'analysed', ['TEXT', 'NOSTEM']);
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
