import { z } from 'zod';
import { searchRequest } from '../../search/request.ts';
import type { SearchHit } from '../../search/search.ts';
import { describePlace, describeRange, noteLines, placeOutput } from '../place.ts';
import { declaredFields, filterOf, queryInput, scopeInput, topKInput } from '../search-input.ts';
import { defineTool, READ_ONLY } from '../tool.ts';

/** The longest text of a hit; chunks of stacklore are shorter, those of other programs need not be. */
const MAX_HIT_LENGTH = 4_000;

const hitOutput = z.object({
  ...placeOutput,
  chunkId: z.string(),
  text: z.string(),
  isCut: z.boolean().describe('Whether text is only the beginning of the chunk'),
  score: z
    .number()
    .describe('Orders the hits of this answer, larger is better; not comparable with other answers'),
  vectorScore: z
    .number()
    .optional()
    .describe('Cosine similarity of question and text, comparable between answers'),
  fields: z.record(z.string(), z.unknown()).describe('Values of filterable fields'),
});

/** The tool `search`. */
export const searchTool = defineTool({
  name: 'search',
  title: 'Search the knowledge base',
  description:
    'Finds the passages that answer a question best, by meaning and by words, each with its source. Use it to look something up or to find documents; use context for an answer that cites several passages.',
  input: z.strictObject({
    query: queryInput,
    ...scopeInput,
    topK: topKInput,
    offset: z.int().min(0).max(1_000).default(0).describe('Skip so many hits, to see further ones.'),
    mode: searchRequest.shape.mode.describe(
      'hybrid (default), vector for meaning alone, text for words alone.',
    ),
    maxPerDocument: z.int().min(1).max(50).optional().describe('At most so many hits of one document.'),
    minScore: searchRequest.shape.minScore.describe('Leave out hits with a smaller vectorScore.'),
  }),
  output: z.object({ hits: z.array(hitOutput), warnings: z.array(z.string()) }),
  annotations: READ_ONLY,
  async run({ lore, collections, userId }, { collections: names, filter, maxPerDocument, ...request }) {
    const chosen = await collections.choose(names);
    const { mode, minScore, ...same } = request;
    const { hits, warnings } = await lore.search({
      ...same,
      collections: chosen.map(({ name }) => name),
      ...filterOf(filter),
      ...(mode !== undefined && { mode }),
      ...(minScore !== undefined && { minScore }),
      ...(maxPerDocument !== undefined && { maxPerDocument }),
      ...(userId !== undefined && { userId }),
    });
    const shown = hits.map((hit) => ({
      ...cut(hit),
      fields: declaredFields(
        hit.metadata,
        chosen.find(({ name }) => name === hit.collection),
      ),
    }));
    const lines = shown.flatMap((hit, at) => describeHit(hit, request.offset + at + 1));
    const found = lines.length === 0 ? ['Nothing found.'] : lines;
    return { data: { hits: shown, warnings }, text: [...noteLines(warnings), ...found].join('\n').trimEnd() };
  },
});

type ShownHit = SearchHit & { readonly isCut: boolean };

function cut(hit: SearchHit): ShownHit {
  const isCut = hit.text.length > MAX_HIT_LENGTH;
  return { ...hit, isCut, text: isCut ? hit.text.slice(0, MAX_HIT_LENGTH).toWellFormed() : hit.text };
}

function describeHit(hit: ShownHit, rank: number): string[] {
  const similarity = hit.vectorScore === undefined ? '' : `similarity ${hit.vectorScore.toFixed(2)}, `;
  return [
    `[${rank}] ${describePlace(hit)}`,
    `${similarity}${describeRange(hit)}, collection ${hit.collection}`,
    hit.isCut ? `${hit.text} […]` : hit.text,
    '',
  ];
}
