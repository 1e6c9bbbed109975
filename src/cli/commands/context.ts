import { z } from 'zod';
import { toMessages } from '../../search/context.ts';
import { PASSAGE_ORDERS } from '../../search/request.ts';
import { defineCommand } from '../command.ts';
import { wholeNumber } from '../flag-values.ts';
import { counted } from '../format.ts';
import { given } from '../given.ts';
import { noteReranking, SEARCH_FLAGS, searchFlags, searchOptions } from './search.ts';

export const command = defineCommand({
  summary: 'Pack the best passages for a question into one cited text for a language model.',
  arguments: '<question...>',
  flags: [
    ...SEARCH_FLAGS,
    { flags: '--max-tokens <number>', description: 'token budget of the text (2000)' },
    {
      flags: '--order <order>',
      description: 'passages best first (best), or as in their documents (document)',
    },
    { flags: '--trim', description: 'leave weak sentences at the ends of passages out (the default)' },
    { flags: '--no-trim', description: 'give passages whole' },
    { flags: '--facts', description: 'put verified and confident facts before the passages' },
    { flags: '--messages', description: 'print chat messages (system and user) as JSON instead of the text' },
  ],
  schema: z.strictObject({
    ...searchFlags,
    maxTokens: wholeNumber(1).optional(),
    order: z.enum(PASSAGE_ORDERS).optional(),
    trim: z.boolean().optional(),
    facts: z.boolean().default(false),
    messages: z.boolean().default(false),
  }),
  examples: ['stacklore context "how do sessions expire?" --collection docs --max-tokens 2000'],
  async run({ lore, terminal }, words, { maxTokens, order, trim, facts, messages, topK, ...flags }) {
    const question = words.join(' ');
    const options = { ...searchOptions(words, flags), ...given({ topK, maxTokens, order, trim }) };
    const context = await lore().context({ ...options, facts });
    for (const warning of context.warnings) terminal.note(`Note: ${warning}`);
    noteReranking(terminal, context);
    const factCount = context.facts ? `${counted(context.facts.citations.length, 'fact')}, ` : '';
    const shortened = context.omitted.filter(({ reason }) => reason === 'cut').length;
    const leftOut = counted(context.omitted.length - shortened, 'hit');
    terminal.note(
      `${factCount}${counted(context.citations.length, 'passage')}, ${counted(context.tokens, 'token')}, ${leftOut} left out, ${shortened} shortened`,
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
