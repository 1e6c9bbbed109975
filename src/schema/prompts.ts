import { z } from 'zod';
import { boolean, json, snakeJson, text, timestamp } from './fields.ts';
import { hash, list, type ValueOf } from './record.ts';

const names = json(z.array(z.string()));

/** A versioned system prompt with `{{variables}}`. */
export const systemPromptRecord = hash({
  database: 'prompts',
  key: 'prompt:system:{promptName}',
  description: 'A versioned system prompt; `variables` names the placeholders in its content.',
  fields: {
    content: text,
    version: text,
    description: text,
    variables: names,
    createdAt: timestamp,
    updatedAt: timestamp,
  },
});
export type SystemPrompt = ValueOf<typeof systemPromptRecord>;

/** The versions of a system prompt that later ones replaced. */
export const promptHistoryRecord = list({
  database: 'prompts',
  key: 'stacklore:prompt-history:{promptName}',
  clusterKey: 'stacklore:prompt-history:{prompt:system:{promptName}}',
  description: 'The versions of a system prompt that later ones replaced, newest first, the last 100.',
  isHelper: true,
  element: snakeJson({
    version: z.string(),
    content: z.string(),
    description: z.string(),
    variables: z.array(z.string()),
    updatedAt: z.iso.datetime(),
  }),
});
export type PromptVersion = ValueOf<typeof promptHistoryRecord>;

/** A Jinja2 template with its required variables. */
export const templateRecord = hash({
  database: 'prompts',
  key: 'prompt:template:{templateName}',
  description: 'A Jinja2 template, with examples and the variables it requires.',
  fields: { template: text, category: text, examples: json(z.array(z.json())), requiredVariables: names },
});
export type Template = ValueOf<typeof templateRecord>;

/** A prompt that belongs to one user. */
export const userPromptRecord = hash({
  database: 'prompts',
  key: 'prompt:user:{userId}:{promptName}',
  description: 'A prompt of one user; a private one is for its owner only.',
  fields: { content: text, isPrivate: boolean, createdAt: timestamp },
});
export type UserPrompt = ValueOf<typeof userPromptRecord>;
