import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { openApiDocument } from '../openapi.ts';
import { defineRoute, type Route } from '../route.ts';

/** What tells of the other routes. */
export function specificationRoutes(routes: readonly Route[]): Route[] {
  const document = openApiDocument(routes, { version: version() });
  return [
    defineRoute({
      method: 'GET',
      path: '/openapi.json',
      tag: 'Docs',
      summary: 'This API as an OpenAPI 3.1 document.',
      access: 'public',
      response: z.looseObject({ openapi: z.string() }),
      handle: () => ({ openapi: '3.1.0', ...document }),
    }),
  ];
}

function version(): string {
  const content = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8');
  // Our own package.json, which npm refuses to publish without a version.
  return (JSON.parse(content) as { version: string }).version;
}
