import type { Tool as ListedTool } from '@modelcontextprotocol/sdk/types.js';
import { z } from 'zod';
import type { DOCUMENT_FIELDS } from '../search/filter.ts';
import type { Collection } from '../stores/knowledge/collections.ts';
import type { Tool } from './tool.ts';

/** More than this would take more of a model's attention than it gives; list_collections tells the rest. */
const MOST_FIELDS = 40;
const MOST_COLLECTIONS = 40;

const FILTER_LANGUAGE = [
  'Conditions on fields, all of which must hold: {"field": value} or {"field": {operator: value}} with $eq, $ne, $in, $nin,',
  '$exists and, for numbers and dates, $gt, $gte, $lt, $lte. Join filters with {"$or": [...]} and {"$and": [...]}.',
].join(' ');

/** What a client is told of a tool: its schemas, with the collections and filterable fields there are at this moment. */
export function listTool(tool: Tool, collections: readonly Collection[]): ListedTool {
  const { name, title, description, annotations } = tool;
  return {
    ...{ name, title, description, annotations: { title, ...annotations } },
    inputSchema: withCollections(toJsonSchema(tool.input, 'input'), collections),
    outputSchema: toJsonSchema(tool.output, 'output'),
  };
}

type ObjectSchema = ListedTool['inputSchema'];

function toJsonSchema(schema: z.ZodObject, io: 'input' | 'output'): ObjectSchema {
  const { $schema: _, ...json } = z.toJSONSchema(schema, { io, target: 'draft-7' });
  // The JSON schema of a zod object is one of an object.
  return json as ObjectSchema;
}

function withCollections(schema: ObjectSchema, collections: readonly Collection[]): ObjectSchema {
  const properties = { ...schema.properties };
  const names = collections.slice(0, MOST_COLLECTIONS).map(({ name }) => name);
  const more = collections.length > names.length ? ' and others, see list_collections' : '';
  const there = names.length === 0 ? 'There are none yet.' : `There are: ${names.join(', ')}${more}.`;
  for (const name of ['collection', 'collections']) {
    const property = properties[name];
    if (property) properties[name] = { ...property, description: `${describe(property)} ${there}` };
  }
  if (properties.filter) properties.filter = filterSchema(collections);
  return { ...schema, properties };
}

/** The filter language with a property for each field; a field declared since the listing is taken all the same. */
function filterSchema(collections: readonly Collection[]): object {
  const declared = fieldsOf(collections);
  const shown = [...declared].slice(0, MOST_FIELDS);
  const more = declared.size > shown.length ? ' list_collections tells further fields.' : '';
  return {
    type: 'object',
    description: `${FILTER_LANGUAGE}${more}`,
    properties: {
      ...Object.fromEntries(shown.map(([name, uses]) => [name, { description: uses.join('; ') }])),
      ...DOCUMENT_PROPERTIES,
    },
    additionalProperties: true,
  };
}

const DOCUMENT_PROPERTIES: Record<keyof typeof DOCUMENT_FIELDS, object> = {
  source: { description: 'Any document: its path or URL' },
  contentType: { description: 'Any document: markdown, html, text, pdf, docx, csv, jsonl, json or code' },
  docId: { description: 'Any document: its id' },
  updated: { description: 'Any document: when it was last written, ISO 8601' },
};

/** Each field with what it is and where: `tag of handbook, services`. */
function fieldsOf(collections: readonly Collection[]): Map<string, string[]> {
  const fields = new Map<string, Map<string, string[]>>();
  for (const { name: collection, manifest } of collections) {
    for (const { name, type } of manifest.fields) {
      const types = fields.get(name) ?? new Map<string, string[]>();
      types.set(type, [...(types.get(type) ?? []), collection]);
      fields.set(name, types);
    }
  }
  return new Map(
    [...fields].map(([name, types]) => [
      name,
      [...types].map(([type, names]) => `${type} of ${names.slice(0, MOST_COLLECTIONS).join(', ')}`),
    ]),
  );
}

function describe(property: object): string {
  return 'description' in property ? String(property.description) : '';
}
