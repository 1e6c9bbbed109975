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
      body: z.strictObject(searchRequest.shape),
      response: searchAnswer,
      isRecorded: true,
      hasEtag: true,
      async handle({ lore, access, body, request, reply }) {
        const search = { ...body, ...reach(access, body) };
        const isFresh =
          options.cacheSeconds === 0 ||
          body.vector !== undefined ||
          /no-cache|no-store/.test(request.headers['cache-control'] ?? '');
        if (isFresh) return lore.search(search);
        const { cached, ...answer } = await lore.cachedSearch(search, {
          ttlSeconds: options.cacheSeconds,
          // An open server shares what programs beside it have cached.
          ...(access.hasKey && { scope: access.cacheScope }),
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
