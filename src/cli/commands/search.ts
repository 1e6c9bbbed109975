import { z } from 'zod';
import { StackloreError } from '../../errors.ts';
import type { Filter } from '../../search/filter.ts';
import { FUSION_METHODS, SEARCH_MODES } from '../../search/request.ts';
import type { SearchHit } from '../../search/search.ts';
import { defineCommand, type Flag } from '../command.ts';
import { decimalNumber, wholeNumber } from '../flag-values.ts';
import { wrap } from '../format.ts';

/** Flags of every command that searches. */
export const SEARCH_FLAGS: readonly Flag[] = [
  {
    flags: '--collection <name>',
    description: 'collection to search; may be repeated (default)',
    isList: true,
  },
  { flags: '--top-k <number>', description: 'how many hits, 1 to 1000' },
  { flags: '--filter <json>', description: 'e.g. \'{"lang":"en","year":{"$gte":2024}}\'' },
  { flags: '--mode <mode>', description: 'hybrid (default), vector or text' },
  { flags: '--fusion <method>', description: 'how both scores become one: zscore (default), minmax or rrf' },
  { flags: '--weight <number>', description: 'share of the vectors in a hybrid score, 0 to 1 (0.5)' },
  { flags: '--min-score <number>', description: 'leave out hits whose vectorScore (1 - distance) is lower' },
  { flags: '--max-per-document <number>', description: 'at most this many hits of one document' },
  { flags: '--ef-runtime <number>', description: 'HNSW candidates: more is slower and more exact' },
  { flags: '--user-id <id>', description: 'whose usage it counts for (anonymous)' },
];

/** The schema of those flags. */
export const searchFlags = {
  collection: z.array(z.string()).default(['default']),
  topK: wholeNumber(1, 1_000).optional(),
  filter: z.string().transform(parseFilter).optional(),
  mode: z.enum(SEARCH_MODES).optional(),
  fusion: z.enum(FUSION_METHODS).optional(),
  weight: decimalNumber().optional(),
  minScore: decimalNumber().optional(),
  maxPerDocument: wholeNumber(1).optional(),
  efRuntime: wholeNumber(1).optional(),
  userId: z.string().optional(),
};

export const command = defineCommand({
  summary: 'Find the chunks that answer a question best, by meaning and words.',
  arguments: '<query...>',
  flags: [
    ...SEARCH_FLAGS,
    { flags: '--offset <number>', description: 'skip this many hits' },
    { flags: '--cache', description: 'take and keep the answer, until the collection changes' },
    { flags: '--cache-ttl <seconds>', description: 'keep it this long (300)' },
  ],
  schema: z.strictObject({
    ...searchFlags,
    offset: wholeNumber(0).optional(),
    cache: z.boolean().default(false),
    cacheTtl: wholeNumber(1).optional(),
  }),
  examples: ['stacklore search "how do sessions expire?" --collection docs --top-k 5'],
  async run({ lore, terminal }, words, { collection: collections, topK = 5, cache, cacheTtl, ...options }) {
    const request = { query: words.join(' '), collections, topK, ...options };
    const answer =
      cache || cacheTtl !== undefined
        ? await lore().cachedSearch(request, { ttlSeconds: cacheTtl })
        : await lore().search(request);
    if ('cached' in answer) {
      terminal.note(answer.cached ? 'From the cache.' : 'Not in the cache; searched, and kept there.');
    }
    for (const warning of answer.warnings) terminal.note(`Note: ${warning}`);
    const width = Math.min(terminal.columns, 110);
    const lines = answer.hits.flatMap((hit, index) => describeHit(hit, index + 1, width));
    return { data: answer, lines: lines.length === 0 ? ['Nothing found.'] : lines };
  },
});

/** A hit as lines: rank, score, where it stands, and its text. */
export function describeHit(hit: SearchHit, rank: number, width: number): string[] {
  const place = [hit.title, ...hit.headings.filter((heading) => heading !== hit.title)].join(' › ');
  const page = hit.page === undefined ? '' : `, page ${hit.page}`;
  return [
    `${rank}. ${describeScores(hit)}  ${place}`,
    `   ${hit.source}${page}`,
    ...wrap(hit.text, width, '   '),
    '',
  ];
}

/** Similarity of meaning, and the terms of the query that the chunk holds. */
function describeScores({ vectorScore, matchedTerms = [] }: SearchHit): string {
  const similarity = vectorScore.toFixed(3);
  return matchedTerms.length === 0 ? similarity : `${similarity} [${matchedTerms.join(' ')}]`;
}

function parseFilter(json: string): Filter {
  try {
    // Only its outer form is checked here: the search itself refuses a filter it does not know.
    const value: unknown = JSON.parse(json);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Filter;
  } catch {
    // Said below, together with JSON that is no object.
  }
  throw new StackloreError('invalid_filter', {
    message: '--filter takes a JSON object, e.g. \'{"lang":"en","year":{"$gte":2024}}\'.',
  });
}
