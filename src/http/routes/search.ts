import { z } from 'zod';
import { contextRequest, searchRequest } from '../../search/request.ts';
import type { Access } from '../access.ts';
import { defineRoute, type Route, type RouteParts } from '../route.ts';
import { contextAnswer, searchAnswer } from '../schemas/search.ts';

interface Asked {
  readonly collection?: string | undefined;
  readonly collections?: readonly string[] | undefined;
  readonly userId?: string | undefined;
}

const searchBody = z.strictObject({
  ...searchRequest.shape,
  /** Give the answer of an earlier question that means the same, too; `earlier` then tells which. */
  semanticCache: z
    .union(
      [z.boolean(), z.strictObject({ threshold: z.number().min(0).max(1).optional() })],
      'must be true, false or a threshold from 0 to 1',
    )
    .optional(),
});

/** Searches and contexts. */
export function searchRoutes({ options }: Pick<RouteParts, 'options'>): Route[] {
  return [
    defineRoute({
      method: 'POST',
      path: '/v1/search',
      tag: 'Search',
      summary: 'The chunks that answer a question best.',
      description:
        'Equal questions are answered from the response cache until a collection changes, unless the request has Cache-Control: no-cache; the header Cache-Status tells.',
      access: { scope: 'read', family: 'documents' },
      body: searchBody,
      response: searchAnswer,
      isRecorded: true,
      hasEtag: true,
      async handle({ lore, access, body, request, reply }) {
        const { semanticCache: semantic, ...asked } = body;
        const search = { ...asked, ...reach(access, body) };
        const isFresh = options.cacheSeconds === 0 || asksAnew(request.headers['cache-control']);
        // A page of its own cursor is kept already, and a vector costs less to look up than to find its answer.
        if (isFresh || body.vector !== undefined || body.cursor !== undefined) return lore.search(search);
        const { cached, ...answer } = await lore.cachedSearch(search, {
          ...{ ttlSeconds: options.cacheSeconds, scope: access.cacheScope },
          ...(semantic !== undefined && { semantic }),
        });
        reply.header('cache-status', cached ? 'stacklore; hit' : 'stacklore; fwd=miss');
        return answer;
      },
    }),
    defineRoute({
      method: 'POST',
      path: '/v1/context',
      tag: 'Search',
      summary: 'The best passages for a question, packed into one text under a token budget, with citations.',
      access: { scope: 'read', family: 'documents' },
      body: z.strictObject(contextRequest.shape),
      response: contextAnswer,
      isRecorded: true,
      handle({ lore, access, body }) {
        return lore.context({ ...body, ...reach(access, body) });
      },
    }),
  ];
}

/** Checks what a request wants to look through, and says whose usage it is. Throws `not_found`. */
export function reach(access: Access, { collection, collections, userId }: Asked): { userId?: string } {
  access.requireCollections(...(collections ?? [collection ?? 'default']));
  const user = access.userOf(userId);
  return user === undefined ? {} : { userId: user };
}

function asksAnew(cacheControl = ''): boolean {
  return /no-cache|no-store/.test(cacheControl);
}
