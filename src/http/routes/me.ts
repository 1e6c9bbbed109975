import { z } from 'zod';
import { ACCESS_FAMILIES, SCOPES } from '../../schema/main.ts';
import { defineRoute, type Route, type RouteParts } from '../route.ts';

/** What a caller may do, so that a program shows only that. */
export function meRoutes({ options }: Pick<RouteParts, 'options'>): Route[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/v1/me',
      tag: 'Access',
      summary: 'What this API key opens; without a key, where none is needed, that is everything.',
      access: 'anyone',
      response: z.object({
        isKeyRequired: z.boolean(),
        key: z
          .object({
            name: z.string(),
            scopes: z.array(z.enum(SCOPES)),
            families: z.array(z.enum(ACCESS_FAMILIES)),
            collections: z.array(z.string()).optional(),
            userId: z.string().optional(),
          })
          .optional(),
      }),
      async handle({ lore, access }) {
        const isKeyRequired = options.requireKey || (await lore.apiKeys.exist());
        const { opened } = access;
        return { isKeyRequired, ...(opened && { key: opened }) };
      },
    }),
  ];
}
