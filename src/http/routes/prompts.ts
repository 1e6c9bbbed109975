import { z } from 'zod';
import { systemPromptInput, templateInput } from '../../schema/prompt-input.ts';
import { pageQuery } from '../page-query.ts';
import { defineRoute, type Route } from '../route.ts';
import {
  promptHistory,
  renderedPrompt,
  savedSystemPrompt,
  savedTemplate,
  systemPromptAnswer,
  systemPromptList,
  templateAnswer,
  templateList,
} from '../schemas/prompts.ts';

const tag = 'Prompts';
const read = { scope: 'read', family: 'prompts' } as const;
const write = { scope: 'write', family: 'prompts' } as const;
const params = z.strictObject({ name: z.string() });
const rendering = z.strictObject({ variables: z.record(z.string(), z.unknown()).default({}) });

/** Prompts that belong to nobody: every key of the family reads them, one bound to a user changes none. */
export function promptRoutes(): Route[] {
  return [...systemPromptRoutes(), ...templateRoutes()];
}

function systemPromptRoutes(): Route[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/v1/prompts/system',
      tag,
      summary: 'System prompts by name.',
      access: read,
      query: z.strictObject(pageQuery(1_000)),
      response: systemPromptList,
      handle: ({ lore, query }) => lore.systemPrompts.list(query),
    }),
    defineRoute({
      method: 'GET',
      path: '/v1/prompts/system/:name',
      tag,
      summary: 'The current version of a system prompt.',
      access: read,
      params,
      response: systemPromptAnswer,
      handle: ({ lore, params: { name } }) => lore.systemPrompts.get(name),
    }),
    defineRoute({
      method: 'PUT',
      path: '/v1/prompts/system/:name',
      tag,
      summary: 'Saves a system prompt as a new version; an equal one is left as it is.',
      access: write,
      params,
      body: systemPromptInput
        .omit({ createdAt: true, updatedAt: true })
        .extend({ expectedVersion: z.string().optional().describe('Saves only over this version.') }),
      response: savedSystemPrompt,
      handle({ lore, access, params: { name }, body: { expectedVersion, ...prompt } }) {
        access.requireAllUsers();
        return lore.systemPrompts.save(
          name,
          prompt,
          expectedVersion === undefined ? {} : { expectedVersion },
        );
      },
    }),
    defineRoute({
      method: 'DELETE',
      path: '/v1/prompts/system/:name',
      tag,
      summary: 'Deletes a system prompt with its history.',
      access: write,
      params,
      handle({ lore, access, params: { name } }) {
        access.requireAllUsers();
        return lore.systemPrompts.delete(name);
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/v1/prompts/system/:name/history',
      tag,
      summary: 'The versions of a system prompt, the current one first.',
      access: read,
      params,
      response: promptHistory,
      handle: ({ lore, params: { name } }) => lore.systemPrompts.history(name),
    }),
    defineRoute({
      method: 'POST',
      path: '/v1/prompts/system/:name/render',
      tag,
      summary: 'A system prompt with its placeholders filled.',
      access: read,
      params,
      body: rendering,
      response: renderedPrompt,
      handle: async ({ lore, params: { name }, body: { variables } }) => ({
        text: await lore.systemPrompts.render(name, variables),
      }),
    }),
  ];
}

function templateRoutes(): Route[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/v1/prompts/templates',
      tag,
      summary: 'Templates by name.',
      access: read,
      query: z.strictObject({ ...pageQuery(1_000), category: z.string().optional() }),
      response: templateList,
      handle: ({ lore, query: { category, ...page } }) =>
        lore.templates.list({ ...page, ...(category !== undefined && { category }) }),
    }),
    defineRoute({
      method: 'GET',
      path: '/v1/prompts/templates/:name',
      tag,
      summary: 'A template.',
      access: read,
      params,
      response: templateAnswer,
      handle: ({ lore, params: { name } }) => lore.templates.get(name),
    }),
    defineRoute({
      method: 'PUT',
      path: '/v1/prompts/templates/:name',
      tag,
      summary: 'Saves a template (Jinja2), and renders its examples to see whether they fit.',
      access: write,
      params,
      // The library checks what JSON examples are; its schema of JSON refers to itself, which no page shows well.
      body: templateInput.extend({ examples: z.array(z.unknown()).optional() }),
      response: savedTemplate,
      handle({ lore, access, params: { name }, body: { examples, ...template } }) {
        access.requireAllUsers();
        // What came as JSON is JSON.
        const checked = examples as z.core.util.JSONType[] | undefined;
        return lore.templates.save(name, { ...template, ...(checked && { examples: checked }) });
      },
    }),
    defineRoute({
      method: 'DELETE',
      path: '/v1/prompts/templates/:name',
      tag,
      summary: 'Deletes a template.',
      access: write,
      params,
      handle({ lore, access, params: { name } }) {
        access.requireAllUsers();
        return lore.templates.delete(name);
      },
    }),
    defineRoute({
      method: 'POST',
      path: '/v1/prompts/templates/:name/render',
      tag,
      summary: 'The text that a template makes of plain data.',
      access: read,
      params,
      body: rendering,
      response: renderedPrompt,
      handle: async ({ lore, params: { name }, body: { variables } }) => ({
        text: await lore.templates.render(name, variables),
      }),
    }),
  ];
}
