import { z } from 'zod';
import type { ChunkExplanation, Standing } from '../../search/explain.ts';
import { defineCommand } from '../command.ts';
import { wholeNumber } from '../flag-values.ts';
import { table, wrap } from '../format.ts';
import { given } from '../given.ts';
import { SEARCH_FLAGS, searchFlags, searchOptions } from './search.ts';

/** Chunks shown; --json has up to 20. */
const SHOWN = 5;

export const command = defineCommand({
  summary: 'Say why a document is, or is not, in the answer of a search.',
  arguments: '<query...>',
  flags: [
    { flags: '--doc <id>', description: 'the document: its id, the _id of its row, or its source' },
    ...SEARCH_FLAGS.filter(({ flags }) => !/^--(also|user-id|rerank) /.test(flags)),
    { flags: '--offset <number>', description: 'skip this many hits' },
  ],
  schema: z.strictObject({
    ...searchFlags,
    doc: z.string('is required'),
    offset: wholeNumber(0).optional(),
  }),
  examples: ['stacklore explain "how do sessions expire?" --doc sessions --collection docs'],
  async run({ lore, terminal }, words, { doc: docId, topK = 5, offset, ...flags }) {
    const search = { ...searchOptions(words, flags), topK, ...given({ offset }) };
    const explanation = await lore().explain({ ...search, docId });
    for (const warning of explanation.warnings) terminal.note(`Note: ${warning}`);
    const { title, reasons, outcome, chunks, chunkCount, terms } = explanation;
    const width = Math.min(terminal.columns, 110);
    return {
      data: explanation,
      lines: [
        `${outcome === 'found' ? 'Found' : 'Not found'}: ${title ?? docId} (${outcome.replaceAll('_', ' ')})`,
        ...reasons.flatMap((reason) => wrap(reason, width, '  ')),
        ...(terms.length > 0 ? ['', `Words looked up: ${terms.join(' ')}`] : []),
        ...(chunks.length > 0 ? ['', ...chunkTable(chunks.slice(0, SHOWN))] : []),
        ...(chunkCount > SHOWN ? [`and ${chunkCount - SHOWN} more chunks`] : []),
      ],
    };
  },
});

function chunkTable(chunks: readonly ChunkExplanation[]): string[] {
  const side = (standing: Standing | undefined) =>
    standing ? `${standing.rank ?? 'none'} (${standing.score.toFixed(3)})` : '-';
  return table(
    ['chunk', 'by meaning', 'by words', 'both', 'hit', 'matched'],
    chunks.map(({ chunkId, vector, text, fused, hit, matchedTerms }) => [
      ...[chunkId, side(vector), side(text), fused ? `${fused.rank} (${fused.score.toFixed(3)})` : '-'],
      ...[hit === undefined ? '-' : String(hit), matchedTerms.join(' ')],
    ]),
  );
}
