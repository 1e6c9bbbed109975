import { z } from 'zod';
import { toMessages } from '../../search/context.ts';
import { defineCommand } from '../command.ts';
import { wholeNumber } from '../flag-values.ts';
import { counted } from '../format.ts';
import { SEARCH_FLAGS, searchFlags } from './search.ts';

export const command = defineCommand({
  summary: 'Pack the best passages for a question into one cited text for a language model.',
  arguments: '<question...>',
  flags: [
    ...SEARCH_FLAGS,
    { flags: '--max-tokens <number>', description: 'token budget of the text (2000)' },
    { flags: '--facts', description: 'put verified and confident facts before the passages' },
    { flags: '--messages', description: 'print chat messages (system and user) as JSON instead of the text' },
  ],
  schema: z.strictObject({
    ...searchFlags,
    maxTokens: wholeNumber(1).optional(),
    facts: z.boolean().default(false),
    messages: z.boolean().default(false),
  }),
  examples: ['stacklore context "how do sessions expire?" --collection docs --max-tokens 2000'],
  async run({ lore, terminal }, words, { collection: collections, messages, ...options }) {
    const question = words.join(' ');
    const context = await lore().context({ query: question, collections, ...options });
    for (const warning of context.warnings) terminal.note(`Note: ${warning}`);
    const facts = context.facts ? `${counted(context.facts.citations.length, 'fact')}, ` : '';
    terminal.note(
      `${facts}${counted(context.citations.length, 'passage')}, ${counted(context.tokens, 'token')}, ${counted(context.omitted.length, 'hit')} left out`,
    );
    return {
      data: messages ? { ...context, messages: toMessages(context, question) } : context,
      lines: [
        messages
          ? JSON.stringify(toMessages(context, question), null, 2)
          : context.text === ''
            ? 'Nothing found.'
            : context.text,
      ],
    };
  },
});
