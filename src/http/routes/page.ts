import { z } from 'zod';
import { StackloreError } from '../../errors.ts';
import { readPageFiles } from '../page-files.ts';
import { defineRoute, type Route } from '../route.ts';

/** The search page and its files. No part of the API: they are not in its document. */
export function pageRoutes(): Route[] {
  const { version, index, assets } = readPageFiles();
  return [
    defineRoute({
      method: 'GET',
      path: '/',
      tag: 'Page',
      summary: 'The search page.',
      access: 'public',
      produces: index.type,
      handle({ reply }) {
        reply.header('cache-control', 'no-cache');
        return index.bytes;
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/assets/:version/:file',
      tag: 'Page',
      summary: 'A file of the search page. Under the version that the page names it never changes.',
      access: 'public',
      params: z.strictObject({ version: z.string(), file: z.string() }),
      handle({ params, reply }) {
        const asset = assets.get(params.file);
        if (!asset) {
          throw new StackloreError('not_found', {
            message: 'The page has no such file. Load it again.',
          });
        }
        // A page that was loaded before the server was replaced still asks by its version.
        const isCurrent = params.version === version;
        reply.header('cache-control', isCurrent ? 'public, max-age=31536000, immutable' : 'no-store');
        return reply.type(asset.type).send(asset.bytes);
      },
    }),
  ];
}
