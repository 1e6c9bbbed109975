import type { Collection } from '../stores/knowledge/collections.ts';
import type { VectorIndex } from '../stores/knowledge/vector-index.ts';
import { compileFilter } from './filter.ts';
import { type Ranked, sortRanked } from './rank.ts';
import type { SearchRequest } from './request.ts';

/** What the adjustments need. */
export interface AdjustParts {
  readonly vectorIndex: Pick<VectorIndex, 'fields' | 'matching'>;
  readonly collections: readonly Collection[];
  /** Milliseconds since the epoch. */
  readonly now: number;
}

const DAY_SECONDS = 86_400;

/**
 * Moves candidates up or down by the boosts and the age of their documents. A weight of 1 is one standard deviation of the
 * scores of this answer, whatever the mode, so that weights mean the same everywhere.
 */
export async function adjustScores(
  parts: AdjustParts,
  ranking: readonly Ranked[],
  { boosts = [], decay }: Pick<SearchRequest, 'boosts' | 'decay'>,
): Promise<readonly Ranked[]> {
  if (ranking.length === 0 || (boosts.length === 0 && !decay)) return ranking;
  const gains = new Map<string, number>(ranking.map(({ key }) => [key, 0]));
  const add = (key: string, gain: number) => gains.set(key, (gains.get(key) ?? 0) + gain);
  for (const { filter, weight } of boosts) {
    for (const key of await matchingKeys(parts, ranking, filter)) add(key, weight);
  }
  if (decay) {
    const rows = await parts.vectorIndex.fields(
      ranking.map(({ key }) => key),
      ['updated_at'],
    );
    for (const [place, [updatedAt]] of rows.entries()) {
      // Chunks of other programs may have no date: they count as old.
      const age = Math.max(0, parts.now / 1_000 - Number(updatedAt ?? 0)) / DAY_SECONDS;
      add(ranking[place]?.key ?? '', decay.weight * 2 ** (-age / decay.halfLifeDays));
    }
  }
  const unit = deviation(ranking.map(({ score }) => score)) || 1;
  return sortRanked(ranking.map((one) => ({ ...one, score: one.score + unit * (gains.get(one.key) ?? 0) })));
}

async function matchingKeys(
  { vectorIndex, collections }: AdjustParts,
  ranking: readonly Ranked[],
  filter: NonNullable<SearchRequest['boosts']>[number]['filter'],
): Promise<string[]> {
  const found = await Promise.all(
    collections.map((collection, at) => {
      const among = ranking.filter((one) => one.at === at).map(({ key }) => key);
      return vectorIndex.matching(collection, compileFilter(filter, collection.manifest.fields), among);
    }),
  );
  return found.flat();
}

function deviation(values: readonly number[]): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
}
