import { z } from 'zod';
import type { CollectionMap, MapPoint } from '../../search/map.ts';
import { defineCommand } from '../command.ts';
import { wholeNumber } from '../flag-values.ts';
import { counted, table } from '../format.ts';
import { given } from '../given.ts';

/** The ends of the map, and how far a point is towards each. */
const ENDS: Readonly<Record<string, (point: MapPoint) => number>> = {
  left: ({ x }) => -x,
  right: ({ x }) => x,
  bottom: ({ y }) => -y,
  top: ({ y }) => y,
};
/** Points that say what stands at an end, and the titles of theirs that are shown. */
const LOOKED_AT = 50;
const SHOWN = 3;

export const command = defineCommand({
  summary: 'Lay the chunks of a collection out on a plane, like beside like.',
  arguments: '[query...]',
  flags: [
    { flags: '--collection <name>', description: 'the collection (default)' },
    { flags: '--limit <number>', description: 'chunks at most, 1 to 10000 (2000)' },
    { flags: '--top-k <number>', description: 'hits of the query to show, 1 to 1000 (10)' },
  ],
  schema: z.strictObject({
    collection: z.string().optional(),
    limit: wholeNumber(1, 10_000).optional(),
    topK: wholeNumber(1, 1_000).optional(),
  }),
  examples: ['stacklore map --collection docs --json'],
  async run({ lore, terminal }, words, flags) {
    const query = words.join(' ');
    const map = await lore().map({ ...given(flags), ...(query !== '' && { query }) });
    for (const warning of map.warnings) terminal.note(`Note: ${warning}`);
    return { data: map, lines: describe(map) };
  },
});

/** Places are for programs to draw, with --json; people are told what stands where. */
function describe({ points, chunks, documents, explainedVariance, query }: CollectionMap): string[] {
  const { x, y } = explainedVariance;
  const rows = Object.entries(ENDS).map(([end, towards]) => [end, titlesAt(points, towards).join('; ')]);
  return [
    `${points.length} of ${counted(chunks, 'chunk')} of ${counted(documents, 'document')}; ${((x + y) * 100).toFixed(0)} % of the variance is shown`,
    ...(query ? [`The query is at ${query.x.toFixed(2)}, ${query.y.toFixed(2)}.`] : []),
    ...(points.length > 0 ? ['', ...table(['end', 'documents there'], rows)] : []),
  ];
}

/** The titles that most of the outermost points have. */
function titlesAt(points: readonly MapPoint[], towards: (point: MapPoint) => number): string[] {
  const outermost = points.toSorted((a, b) => towards(b) - towards(a)).slice(0, LOOKED_AT);
  const counts = new Map<string, number>();
  for (const { title } of outermost) counts.set(title, (counts.get(title) ?? 0) + 1);
  const sorted = [...counts].sort(([, a], [, b]) => b - a);
  return sorted.slice(0, SHOWN).map(([title]) => title);
}
