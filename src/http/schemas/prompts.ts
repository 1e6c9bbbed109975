import { z } from 'zod';

const unreadable = z.array(z.object({ key: z.string(), message: z.string() }));
const outcome = z.enum(['created', 'updated', 'unchanged']);
const texts = z.array(z.string());

/** A system prompt, see `StoredSystemPrompt`. */
export const systemPromptAnswer = z.object({
  promptName: z.string(),
  content: z.string(),
  version: z.string(),
  description: z.string(),
  variables: texts,
  createdAt: z.coerce.date(),
  updatedAt: z.coerce.date(),
});
export const savedSystemPrompt = systemPromptAnswer.extend({ outcome, warnings: texts });
export const systemPromptList = z.object({
  items: z.array(systemPromptAnswer),
  total: z.int(),
  unreadable,
});
export const promptHistory = z.object({
  versions: z.array(
    z.object({
      version: z.string(),
      content: z.string(),
      description: z.string(),
      variables: texts,
      updatedAt: z.string(),
    }),
  ),
  unreadable,
});

/** A template, see `StoredTemplate`. */
export const templateAnswer = z.object({
  templateName: z.string(),
  template: z.string(),
  category: z.string(),
  examples: z.array(z.unknown()),
  requiredVariables: texts,
});
export const savedTemplate = templateAnswer.extend({ outcome, warnings: texts });
export const templateList = z.object({ items: z.array(templateAnswer), total: z.int(), unreadable });

/** A prompt of a user, see `StoredUserPrompt`. */
export const userPromptAnswer = z.object({
  userId: z.string(),
  promptName: z.string(),
  content: z.string(),
  isPrivate: z.boolean(),
  createdAt: z.coerce.date(),
});
export const savedUserPrompt = userPromptAnswer.extend({ outcome });
export const userPromptList = z.object({ items: z.array(userPromptAnswer), total: z.int(), unreadable });

export const renderedPrompt = z.object({ text: z.string() });
