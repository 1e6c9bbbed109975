import { z } from 'zod';
import { factFilter } from '../../schema/fact-input.ts';
import { describeFact, factData, factOutput } from '../fact-output.ts';
import { noteLines } from '../place.ts';
import { queryInput, topKInput } from '../search-input.ts';
import { defineTool, READ_ONLY } from '../tool.ts';

const { category, source, verified, minConfidence } = factFilter.shape;

/** The tool `search_facts`. */
export const searchFactsTool = defineTool({
  name: 'search_facts',
  title: 'Search facts',
  description:
    'Finds single statements known beforehand, nearest in meaning to a question, each with its source, its confidence, and whether a person has verified it.',
  input: z.strictObject({
    query: queryInput,
    topK: topKInput,
    category: category.describe('One of these categories.'),
    source: source.describe('From one of these sources.'),
    verified: verified.describe('Only facts that are, or are not, verified.'),
    minConfidence: minConfidence.describe('At least this confident, 0 to 1.'),
  }),
  output: z.object({
    facts: z.array(z.object({ ...factOutput, score: z.number().describe('Cosine similarity') })),
    warnings: z.array(z.string()),
  }),
  annotations: READ_ONLY,
  async run({ lore, userId }, { query, topK, ...filter }) {
    const { hits, warnings } = await lore.searchFacts({
      ...{ query, topK },
      ...(filter.category !== undefined && { category: filter.category }),
      ...(filter.source !== undefined && { source: filter.source }),
      ...(filter.verified !== undefined && { verified: filter.verified }),
      ...(filter.minConfidence !== undefined && { minConfidence: filter.minConfidence }),
      ...(userId !== undefined && { userId }),
    });
    const lines = hits.length === 0 ? ['No facts found.'] : hits.map(describeFact);
    return {
      data: { facts: hits.map((hit) => ({ ...factData(hit), score: hit.score })), warnings },
      text: [...noteLines(warnings), ...lines].join('\n'),
    };
  },
});
