import { z } from 'zod';
import { mapRequest } from '../../search/map.ts';
import { defineRoute, type Route } from '../route.ts';
import { collectionMap } from '../schemas/search.ts';

/** Collections as a plane. */
export function mapRoutes(): Route[] {
  return [
    defineRoute({
      method: 'POST',
      path: '/v1/collections/:collection/map',
      tag: 'Search',
      summary:
        'A plane that shows how the chunks of a collection differ, with a question and its hits on it.',
      access: { scope: 'read', family: 'documents' },
      params: z.strictObject({ collection: z.string().min(1) }),
      body: mapRequest.omit({ collection: true }),
      response: collectionMap,
      hasEtag: true,
      handle({ lore, access, params: { collection }, body }) {
        access.requireCollections(collection);
        return lore.map({ ...body, collection });
      },
    }),
  ];
}
