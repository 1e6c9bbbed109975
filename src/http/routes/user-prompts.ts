import { z } from 'zod';
import { userPromptInput } from '../../schema/prompt-input.ts';
import type { Access } from '../access.ts';
import { named } from '../ids.ts';
import { pageQuery } from '../page-query.ts';
import { defineRoute, type Route } from '../route.ts';
import { savedUserPrompt, userPromptAnswer, userPromptList } from '../schemas/prompts.ts';

const tag = 'Prompts';
const read = { scope: 'read', family: 'prompts' } as const;
const write = { scope: 'write', family: 'prompts' } as const;
const params = z.strictObject({ userId: z.string(), name: z.string() });

/** Prompts of users; a key bound to a user changes those of this user, and of others sees the ones that are not private. */
export function userPromptRoutes(): Route[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/v1/prompts/users/:userId',
      tag,
      summary: 'The prompts of a user by name.',
      access: read,
      params: params.omit({ name: true }),
      query: z.strictObject(pageQuery(1_000)),
      response: userPromptList,
      handle: ({ lore, access, params: { userId }, query }) =>
        lore.userPrompts.list(userId, { ...query, ...viewerOf(access) }),
    }),
    defineRoute({
      method: 'GET',
      path: '/v1/prompts/users/:userId/:name',
      tag,
      summary: 'A prompt of a user.',
      access: read,
      params,
      response: userPromptAnswer,
      handle: ({ lore, access, params: { userId, name } }) =>
        lore.userPrompts.get(userId, name, viewerOf(access)),
    }),
    defineRoute({
      method: 'PUT',
      path: '/v1/prompts/users/:userId/:name',
      tag,
      summary: 'Saves a prompt of a user; a new one is private unless told otherwise.',
      access: write,
      params,
      body: userPromptInput.omit({ createdAt: true }),
      response: savedUserPrompt,
      handle: ({ lore, access, params: { userId, name }, body }) =>
        lore.userPrompts.save(named(access.userOf(userId), 'userId'), name, body),
    }),
    defineRoute({
      method: 'DELETE',
      path: '/v1/prompts/users/:userId/:name',
      tag,
      summary: 'Deletes a prompt of a user.',
      access: write,
      params,
      handle: ({ lore, access, params: { userId, name } }) =>
        lore.userPrompts.delete(named(access.userOf(userId), 'userId'), name),
    }),
  ];
}

function viewerOf({ userId }: Access): { viewer?: string } {
  return userId === undefined ? {} : { viewer: userId };
}
