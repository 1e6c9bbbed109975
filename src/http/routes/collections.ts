import { z } from 'zod';
import type { Stacklore } from '../../stacklore.ts';
import { hidden } from '../access.ts';
import { defineRoute, type Route } from '../route.ts';
import { collectionAnswer, collectionList, deletedCollection } from '../schemas/collections.ts';
import { settingFields, settingsOf } from '../settings.ts';

const read = { scope: 'read', family: 'documents' } as const;
const admin = { scope: 'admin', family: 'documents' } as const;
const params = z.strictObject({ collection: z.string() });

/** Named sets of documents. */
export function collectionRoutes(): Route[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/v1/collections',
      tag: 'Collections',
      summary: 'The collections this key reaches, oldest first.',
      description: 'Those whose records cannot be read are named in `unreadable`, with the reason.',
      access: read,
      response: collectionList,
      async handle({ lore, access }) {
        const names = (await lore.collections.names()).filter((name) => access.reaches(name));
        return lore.listCollections(names);
      },
    }),
    defineRoute({
      method: 'POST',
      path: '/v1/collections',
      tag: 'Collections',
      summary: 'Makes a collection and its index.',
      access: admin,
      body: z.strictObject({ name: z.string().min(1), ...settingFields }),
      response: collectionAnswer,
      status: 201,
      async handle({ lore, access, body: { name, ...settings }, reply }) {
        access.requireCollections(name);
        await lore.createCollection(name, settingsOf(settings));
        reply.header('location', `/v1/collections/${name}`);
        return describe(lore, name);
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/v1/collections/:collection',
      tag: 'Collections',
      summary: 'What a collection holds, and what it was made with.',
      access: read,
      params,
      response: collectionAnswer,
      handle({ lore, access, params: { collection } }) {
        access.requireCollections(collection);
        return describe(lore, collection);
      },
    }),
    defineRoute({
      method: 'DELETE',
      path: '/v1/collections/:collection',
      tag: 'Collections',
      summary: 'Deletes a collection with all its documents.',
      access: admin,
      params,
      response: deletedCollection,
      async handle({ lore, access, params: { collection } }) {
        access.requireCollections(collection);
        return { deleted: await lore.dropCollection(collection) };
      },
    }),
  ];
}

async function describe(lore: Stacklore, name: string): Promise<z.output<typeof collectionAnswer>> {
  const { version, createdAt, manifest } = await lore.collections.get(name);
  const [status] = (await lore.listCollections([name])).items;
  // Dropped in between.
  if (!status) throw hidden();
  return { ...status, version, createdAt, manifest };
}
