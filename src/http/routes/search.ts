import { z } from 'zod';
import { chatRequest } from '../../search/chat-request.ts';
import { factContext } from '../../search/fact-request.ts';
import { contextRequest, searchRequest } from '../../search/request.ts';
import type { Access } from '../access.ts';
import { describeFields } from '../describe-fields.ts';
import { defineRoute, type Route, type RouteParts } from '../route.ts';
import { contextAnswer, searchAnswer } from '../schemas/search.ts';
import { CONTEXT_FIELDS, SEARCH_FIELDS } from '../schemas/search-fields.ts';

interface Asked {
  readonly collection?: string | undefined;
  readonly collections?: readonly string[] | undefined;
  readonly userId?: string | undefined;
}

const searchBody = describeFields(
  {
    ...searchRequest.shape,
    semanticCache: z
      .union(
        [z.boolean(), z.strictObject({ threshold: z.number().min(0).max(1).optional() })],
        'must be true, false or a threshold from 0 to 1',
      )
      .optional(),
  },
  SEARCH_FIELDS,
);
const contextBody = describeFields({ ...contextRequest.shape, ...chatRequest.shape }, CONTEXT_FIELDS);

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
          ttlSeconds: options.cacheSeconds,
          // An open server shares what programs beside it have cached.
          ...(access.hasKey && { scope: access.cacheScope }),
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
      description:
        'With a conversation, a system prompt or a template, `messages` is the whole chat; these and facts need the family of their own beside.',
      body: contextBody,
      response: contextAnswer,
      isRecorded: true,
      handle({ lore, access, body }) {
        const { conversationId, append, systemPrompt, template } = body;
        if (conversationId !== undefined) access.require('read', 'conversations');
        if (append) access.require('write', 'conversations');
        if (systemPrompt !== undefined || template !== undefined) access.require('read', 'prompts');
        const request = { ...body, ...reach(access, body), ...reachFacts(access, body.facts) };
        return lore.context(request, { ownedBy: access.userId });
      },
    }),
  ];
}

/** The facts that a context may hold: of a key that is bound to a user, those of this user. Throws `not_found`. */
function reachFacts(
  access: Access,
  facts: z.output<typeof contextRequest>['facts'],
): Pick<z.output<typeof contextRequest>, 'facts'> {
  if (facts === undefined || facts === false) return {};
  access.require('read', 'facts');
  const wanted = facts === true ? factContext.parse({}) : facts;
  const ownedBy = access.userOf(wanted.ownedBy);
  return { facts: { ...wanted, ...(ownedBy !== undefined && { ownedBy }) } };
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
