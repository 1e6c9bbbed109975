import { z } from 'zod';
import { version } from '../../version.ts';
import { DOCS_STYLE, docsPage } from '../docs-page.ts';
import { openApiDocument } from '../openapi.ts';
import { defineRoute, type Route } from '../route.ts';

/** What tells of the other routes, to programs and to people. */
export function specificationRoutes(routes: readonly Route[]): Route[] {
  const document = openApiDocument(routes, { version: version() });
  const page = docsPage(document);
  return [
    defineRoute({
      method: 'GET',
      path: '/openapi.json',
      tag: 'Docs',
      summary: 'This API as an OpenAPI 3.1 document.',
      access: 'public',
      response: z.looseObject({ openapi: z.string() }),
      hasEtag: true,
      handle: () => document,
    }),
    defineRoute({
      method: 'GET',
      path: '/docs',
      tag: 'Docs',
      summary: 'This API as a page.',
      access: 'public',
      produces: 'text/html; charset=utf-8',
      handle: () => page,
    }),
    defineRoute({
      method: 'GET',
      path: '/docs/style.css',
      tag: 'Docs',
      summary: 'How that page looks.',
      access: 'public',
      produces: 'text/css; charset=utf-8',
      handle: () => DOCS_STYLE,
    }),
  ];
}
