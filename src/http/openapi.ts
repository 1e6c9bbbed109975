import { z } from 'zod';
import { pathTemplate, type Route } from './route.ts';

/** An OpenAPI 3.1 document, as plain JSON. */
export type OpenApiDocument = Readonly<Record<string, unknown>> & {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, OpenApiOperation>>>>;
  readonly components: Readonly<Record<string, unknown>> & {
    readonly schemas: Readonly<Record<string, unknown>>;
  };
};

type Content = Readonly<Record<string, { readonly schema: unknown }>>;

/** One operation of the document, as far as the docs page shows it. */
export interface OpenApiOperation {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description?: string;
  readonly parameters?: readonly OpenApiParameter[];
  readonly requestBody?: { readonly content: Content };
  readonly responses: Readonly<Record<string, { readonly content?: Content; readonly $ref?: string }>>;
  readonly security: readonly unknown[];
}

interface OpenApiParameter {
  readonly name: string;
  readonly in: 'path' | 'query';
  readonly required: boolean;
  readonly description?: string;
  readonly schema: unknown;
}

const PROBLEM = { $ref: '#/components/responses/Problem' };

/** The document of a list of routes. */
export function openApiDocument(routes: readonly Route[], { version }: { version: string }): OpenApiDocument {
  const paths: Record<string, Record<string, OpenApiOperation>> = {};
  for (const route of routes) {
    const path = pathTemplate(route.path);
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'stacklore',
      version,
      description: 'Knowledge retrieval and vector search on Redis.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    paths,
    components: {
      securitySchemes: {
        apiKey: { type: 'http', scheme: 'bearer', description: 'An API key.' },
        apiKeyHeader: {
          type: 'apiKey',
          in: 'header',
          name: 'X-API-Key',
          description: 'The same in a header of its own.',
        },
      },
      schemas: { Problem: problemSchema },
      responses: {
        Problem: {
          description: 'Problem details (RFC 9457).',
          content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
        },
      },
    },
  };
}

const problemSchema = {
  type: 'object',
  required: ['type', 'title', 'status', 'detail', 'code', 'requestId'],
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string', description: 'What is wrong and what to do next.' },
    code: { type: 'string', description: 'Stable; made for programs.' },
    requestId: { type: 'string' },
    issues: {
      type: 'array',
      items: {
        type: 'object',
        required: ['path', 'message'],
        properties: { path: { type: 'string' }, message: { type: 'string' } },
      },
    },
  },
};

function operationOf(route: Route): OpenApiOperation {
  const { method, path, tag, summary, description, access } = route;
  const needs =
    typeof access === 'string' ? undefined : `Needs scope \`${access.scope}\` of \`${access.family}\`.`;
  const said = [description, needs].filter((text) => text !== undefined).join(' ');
  const parameters = [...parametersOf(route.params, 'path'), ...parametersOf(route.query, 'query')];
  return {
    operationId: operationId(method, path),
    tags: [tag],
    summary,
    ...(said !== '' && { description: said }),
    ...(parameters.length > 0 && { parameters }),
    ...((route.body || route.consumes) && { requestBody: requestBodyOf(route) }),
    responses: { [String(statusOf(route))]: successOf(route), default: PROBLEM },
    security: access === 'public' ? [] : [{ apiKey: [] }, { apiKeyHeader: [] }, {}],
  };
}

/** The status of a route's success. */
export function statusOf({ status, response, produces }: Route): number {
  return status ?? (response || produces ? 200 : 204);
}

function successOf({ response, produces }: Route): { description: string; content?: Content } {
  if (!response && !produces) return { description: 'Done.' };
  const schema = response ? jsonSchema(response, 'output') : { type: 'string' };
  return { description: 'Success.', content: { [produces ?? 'application/json']: { schema } } };
}

function requestBodyOf({ body, consumes = [] }: Route): NonNullable<OpenApiOperation['requestBody']> {
  const content: Record<string, { schema: unknown }> = {};
  if (body) content['application/json'] = { schema: jsonSchema(body, 'input') };
  for (const type of consumes) {
    content[type] = { schema: type === 'multipart/form-data' ? uploadSchema : { type: 'string' } };
  }
  return { content, ...{ required: true } };
}

const uploadSchema = {
  type: 'object',
  required: ['file'],
  properties: {
    file: { type: 'array', items: { type: 'string', format: 'binary' } },
    collection: { type: 'string', description: 'Where the documents go; `default` unless given.' },
    settings: { type: 'string', description: 'Settings of the collection, as JSON.' },
  },
};

function parametersOf(schema: z.ZodObject | undefined, place: 'path' | 'query'): OpenApiParameter[] {
  if (!schema) return [];
  const { properties = {}, required = [] } = jsonSchema(schema, 'input') as {
    properties?: Record<string, { description?: string }>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, { description, ...property }]) => ({
    name,
    in: place,
    required: place === 'path' || required.includes(name),
    ...(description !== undefined && { description }),
    schema: property,
  }));
}

/** A schema as JSON Schema 2020-12, which is what OpenAPI 3.1 speaks. */
function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): unknown {
  const { $schema: _, ...json } = z.toJSONSchema(schema, {
    io,
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema: made }) => {
      if (zodSchema._zod.def.type !== 'date') return;
      made.type = 'string';
      made.format = 'date-time';
    },
  });
  return json;
}

function operationId(method: string, path: string): string {
  const words = path.split(/[/:-]+/).filter((word) => word !== '' && word !== 'v1');
  const name = words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
  return `${method.toLowerCase()}${name}`;
}
