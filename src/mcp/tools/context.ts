import { z } from 'zod';
import { PASSAGE_ORDERS } from '../../search/request.ts';
import { describeRange, noteLines, placeOutput } from '../place.ts';
import { filterOf, queryInput, scopeInput } from '../search-input.ts';
import { defineTool, READ_ONLY, type Tool } from '../tool.ts';

/** The largest text one call gives, in tokens of the embedding model. */
const MAX_TOKENS = 20_000;

const input = z.strictObject({
  query: queryInput,
  ...scopeInput,
  maxTokens: z.int().min(1).max(MAX_TOKENS).default(2_000).describe('Token budget of the text.'),
  order: z
    .enum(PASSAGE_ORDERS)
    .default('best')
    .describe('Passages best first, or as they stand in their documents.'),
});

const inputWithFacts = input.extend({
  facts: z
    .boolean()
    .default(false)
    .describe('Put verified and confident facts, to be cited as [F1], before the passages.'),
});

const output = z.object({
  text: z.string(),
  tokens: z.number(),
  citations: z.array(z.object({ number: z.number(), ...placeOutput })),
  facts: z.array(z.object({ label: z.string(), factId: z.string(), source: z.string() })),
  omitted: z.number().describe('Hits that had no room, or said the same as a better one'),
  warnings: z.array(z.string()),
});

/** The tool `context`, with or without the facts that belong to no collection. */
export function contextTool({ hasFacts }: { hasFacts: boolean }): Tool {
  return defineTool({
    name: 'context',
    title: 'Collect passages for an answer',
    description:
      'Collects the best passages for a question into one text under a token budget, neighbouring ones joined, each with a number to cite such as [1]. Use it to answer a question from the documents, and cite the numbers.',
    input: hasFacts ? inputWithFacts : input,
    output,
    annotations: READ_ONLY,
    async run({ lore, collections, userId }, { query, collections: names, filter, maxTokens, ...rest }) {
      const chosen = await collections.choose(names);
      const { citations, omitted, facts, ...context } = await lore.context({
        ...{ query, maxTokens, order: rest.order, facts: 'facts' in rest && rest.facts === true },
        collections: chosen.map(({ name }) => name),
        ...filterOf(filter),
        ...(userId !== undefined && { userId }),
      });
      const sources = citations.map((citation) => `[${citation.number}] ${describeRange(citation)}`);
      const text = [
        ...noteLines(context.warnings),
        context.text === '' ? 'Nothing found.' : context.text,
        ...(sources.length === 0 ? [] : ['', 'To read on with get_document:', ...sources]),
      ].join('\n');
      const data = { ...context, citations, facts: facts?.citations ?? [], omitted: omitted.length };
      return { data, text };
    },
  });
}
