import type { Collection } from '../stores/knowledge/collections.ts';
import type { VectorIndex } from '../stores/knowledge/vector-index.ts';
import { cosine } from './cosine.ts';
import type { Ranked } from './rank.ts';
import { SAME_TEXT } from './ranking-options.ts';
import type { SearchRequest } from './request.ts';

/** Candidates that are compared with each other: the wanted ones so many times over, within bounds. */
const SPARE = 5;
const [FEWEST, MOST] = [50, 500];

/** What diversifying works with: the collections as rankings count them. */
export interface DiversifyParts {
  readonly vectorIndex: Pick<VectorIndex, 'embeddings'>;
  readonly collections: readonly Collection[];
}

/**
 * Orders the best candidates so that hits differ: near-duplicates of a better one are left out (`collapse`), and each next
 * hit is the one of most score and least likeness to those before it (`diversity`), as in Carbonell and Goldstein 1998.
 * What is beyond those compared follows as it was.
 */
export async function diversify(
  { vectorIndex, collections }: DiversifyParts,
  ranking: readonly Ranked[],
  { topK, offset, diversity = 0, collapse = false }: SearchRequest,
): Promise<readonly Ranked[]> {
  const threshold = collapse === true ? SAME_TEXT : collapse;
  if (diversity === 0 && threshold === false) return ranking;
  const size = Math.min(MOST, Math.max(FEWEST, SPARE * (offset + topK)));
  const compared = ranking.slice(0, size);
  const embeddings = await vectorIndex.embeddings(
    compared.map(({ key, at }) => ({ key, collection: collections[at] as Collection })),
  );
  const [best, worst] = [compared[0]?.score ?? 0, compared.at(-1)?.score ?? 0];
  const left = compared.map((one, place) => ({
    one,
    embedding: embeddings[place],
    // Scores on the scale of cosines, so that both can be weighed.
    relevance: best === worst ? 1 : (one.score - worst) / (best - worst),
    likeness: 0,
  }));
  const chosen: Ranked[] = [];
  while (left.length > 0) {
    const worth = left.map(({ relevance, likeness }) => (1 - diversity) * relevance - diversity * likeness);
    const [next] = left.splice(worth.indexOf(Math.max(...worth)), 1);
    if (!next) break;
    if (threshold !== false && chosen.length > 0 && next.likeness >= threshold) continue;
    chosen.push(next.one);
    for (const other of left) {
      const likeness = next.embedding && other.embedding ? cosine(next.embedding, other.embedding) : 0;
      if (likeness > other.likeness) other.likeness = likeness;
    }
  }
  return [...chosen, ...ranking.slice(size)];
}
