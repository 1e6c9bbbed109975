import { z } from 'zod';
import { StackloreError } from '../../errors.ts';
import type { DocumentOutcome } from '../../ingest/tally.ts';
import { defineTool, type ToolContext } from '../tool.ts';

/** The longest text one call takes, in UTF-16 units. */
const MAX_LENGTH = 1_000_000;

/** The tool `ingest_text`. */
export const ingestTextTool = defineTool({
  name: 'ingest_text',
  title: 'Add a text to a collection',
  description:
    'Puts a text into a collection, to be found from then on. A text of the same source in that collection is replaced by it.',
  input: z.strictObject({
    text: z.string().min(1).max(MAX_LENGTH).describe('The whole text.'),
    source: z.string().min(1).max(1_000).describe('What identifies it, such as a URL or a file name.'),
    collection: z.string().min(1).describe('The collection it goes into.'),
    title: z.string().min(1).max(1_000).optional().describe('Shown with hits; else the first heading.'),
    contentType: z.enum(['markdown', 'text', 'html', 'code']).default('markdown').describe('How it is read.'),
    metadata: z
      .record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.array(z.string())]))
      .optional()
      .describe('Values of the fields that the collection declares, and others.'),
    createCollection: z
      .boolean()
      .default(false)
      .describe('Make the collection if there is none of this name.'),
  }),
  output: z.object({
    docId: z.string(),
    collection: z.string(),
    title: z.string().optional(),
    status: z.enum(['created', 'updated', 'unchanged', 'duplicate']),
    chunks: z.number(),
    duplicateOf: z.string().optional().describe('The document that has the same text'),
  }),
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
  async run(context, { collection, createCollection, title, metadata, ...document }) {
    await requireCollection(context, collection, createCollection);
    const { lore, signal, userId } = context;
    const outcomes: DocumentOutcome[] = [];
    await lore.ingestTexts(
      [{ ...document, ...(title !== undefined && { title }), ...(metadata && { metadata }) }],
      {
        ...{ collection, signal },
        onEvent: (event) => {
          if (event.kind === 'document') outcomes.push(event.outcome);
        },
        ...(userId !== undefined && { userId }),
      },
    );
    const [outcome = MISSING] = outcomes;
    const { status, docId, chunks = 0, code, reason } = outcome;
    if (status === 'failed' || status === 'skipped' || status === 'pruned' || docId === undefined) {
      throw new StackloreError(code ?? 'invalid_input', { message: reason ?? 'The text was not kept.' });
    }
    const note = reason === undefined ? '' : ` ${reason}`;
    return {
      data: { ...outcome, collection, chunks },
      text: `${WORDS[status]} document ${docId} in collection ${collection}, chunks ${chunks}.${note}`,
    };
  },
});

/** Nothing was reported: the call was cancelled before its text was looked at. */
const MISSING: DocumentOutcome = {
  ...{ source: '', status: 'failed', code: 'aborted', reason: 'The text was not kept.' },
};

const WORDS = { created: 'Created', updated: 'Replaced', unchanged: 'Unchanged:', duplicate: 'Not kept:' };

/** A misspelt name must not make a collection, and a hidden one must not be told from an absent one. */
async function requireCollection(
  { collections }: ToolContext,
  name: string,
  mayCreate: boolean,
): Promise<void> {
  if (mayCreate && collections.includes(name)) return;
  try {
    await collections.get(name);
  } catch (error) {
    if (!(error instanceof StackloreError) || error.code !== 'not_found') throw error;
    const next = mayCreate ? 'This server may not make it.' : 'To make it, give createCollection.';
    throw new StackloreError('not_found', { message: `${error.message} ${next}` });
  }
}
