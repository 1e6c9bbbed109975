import { z } from 'zod';
import { newFact } from '../../schema/fact-input.ts';
import { describeFact, factData, factOutput } from '../fact-output.ts';
import { defineTool } from '../tool.ts';

const { content, category, confidence, source } = newFact.shape;

/** The tool `add_fact`. A fact of a program is never verified: that is said by people. */
export const addFactTool = defineTool({
  name: 'add_fact',
  title: 'Add a fact',
  description:
    'Keeps one statement for later, in words that can be understood alone. It counts as not verified until a person has checked it. Search first: facts that say the same already are reported, never merged.',
  input: z.strictObject({
    content: content.describe('The statement, one sentence.'),
    category: category.describe('A word to find it by (general).'),
    confidence: confidence.describe('How sure it is, 0 to 1 (0.5).'),
    source: source.describe('Where it is from: a URL, a document, a person (unknown).'),
  }),
  output: z.object({
    ...factOutput,
    duplicates: z.array(z.object({ factId: z.string(), similarity: z.number(), exact: z.boolean() })),
  }),
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: false },
  async run({ lore }, fact) {
    const { duplicates, ...added } = await lore.addFact(fact);
    const others = duplicates.map(({ factId, similarity, exact }) => {
      return `${factId} says ${exact ? 'the same' : `nearly the same (${similarity.toFixed(2)})`}.`;
    });
    return {
      data: { ...factData(added), duplicates },
      text: [`Added ${describeFact(added)}`, ...others].join('\n'),
    };
  },
});
