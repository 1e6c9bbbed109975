import { z } from 'zod';
import { StackloreError } from '../../errors.ts';
import { joinChunks } from '../../stores/knowledge/document-text.ts';
import { declaredFields } from '../search-input.ts';
import { defineTool, READ_ONLY } from '../tool.ts';

/** The longest piece of a text one call gives, in UTF-16 units. */
const MAX_LENGTH = 100_000;

/** The tool `get_document`. */
export const getDocumentTool = defineTool({
  name: 'get_document',
  title: 'Read a document',
  description:
    'Reads the text of a document, or a piece of it: start where a hit begins to read on from there. Give the docId of a hit or citation.',
  input: z.strictObject({
    docId: z.string().min(1).describe('As hits and citations tell it.'),
    start: z.int().min(0).default(0).describe("First character, a UTF-16 offset into the document's text."),
    maxLength: z.int().min(1).max(MAX_LENGTH).default(8_000).describe('How many characters at most.'),
  }),
  output: z.object({
    docId: z.string(),
    collection: z.string().nullable(),
    title: z.string(),
    source: z.string(),
    contentType: z.string(),
    createdAt: z.string(),
    updatedAt: z.string(),
    fields: z.record(z.string(), z.unknown()).describe('Values of filterable fields'),
    text: z.string(),
    start: z.number(),
    end: z.number(),
    length: z.number().describe('Of the whole text, in characters'),
    hasOffsets: z.boolean().describe('Whether start and end are counted as those of hits are'),
  }),
  annotations: READ_ONLY,
  async run({ lore, collections }, { docId, start, maxLength }) {
    const document = await collections.getDocument(docId);
    const { text, hasOffsets } = await joinChunks(lore.documents.chunks(document));
    if (start > 0 && start >= text.length) {
      throw new StackloreError('invalid_input', {
        message: `start: the document has ${text.length} characters, ${start} lies behind them.`,
      });
    }
    const piece = text.slice(start, start + maxLength);
    const end = start + piece.length;
    const { collection = null, title, source } = document;
    const found = (await collections.list()).find(({ name }) => name === collection);
    const rest = end < text.length ? `\n\n[It goes on: call get_document with start ${end}.]` : '';
    return {
      data: {
        ...{ docId, collection, title, source, contentType: document.contentType },
        createdAt: document.createdAt.toISOString(),
        updatedAt: document.updatedAt.toISOString(),
        fields: declaredFields(document.metadata, found),
        ...{ text: piece.toWellFormed(), start, end, length: text.length, hasOffsets },
      },
      text: `${title} (${source}), characters ${start} to ${end} of ${text.length}\n\n${piece.toWellFormed()}${rest}`,
    };
  },
});
