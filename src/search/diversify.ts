import type { Collection } from '../stores/knowledge/collections.ts';
import type { VectorIndex } from '../stores/knowledge/vector-index.ts';
import { cosine } from './cosine.ts';
import type { Ranked } from './rank.ts';
import { SAME_TEXT } from './ranking-options.ts';
import type { SearchRequest } from './request.ts';

/** Hits of a page that are weighed against each other: so many times over, within bounds. The same for each page. */
const SPARE = 5;
const [FEWEST, MOST] = [50, 500];
/** Candidates that are looked at for near-duplicates; those beyond are left out, as nobody knows what they are like. */
const MOST_COLLAPSED = 2_000;

/** What diversifying works with: the collections as rankings count them. */
export interface DiversifyParts {
  readonly vectorIndex: Pick<VectorIndex, 'embeddings'>;
  readonly collections: readonly Collection[];
}

/** Orders candidates so that hits differ from each other as far as was asked. */
export async function diversify(
  parts: DiversifyParts,
  ranking: readonly Ranked[],
  { topK, diversity = 0, collapse = false }: SearchRequest,
): Promise<readonly Ranked[]> {
  const threshold = collapse === true ? SAME_TEXT : collapse;
  const different = threshold === false ? ranking : await dropSame(parts, ranking, threshold);
  if (diversity === 0) return different;
  const size = Math.min(MOST, Math.max(FEWEST, SPARE * topK));
  return [...(await orderByRelevance(parts, different.slice(0, size), diversity)), ...different.slice(size)];
}

/** Leaves out what says the same as a better one. */
async function dropSame(
  parts: DiversifyParts,
  ranking: readonly Ranked[],
  threshold: number,
): Promise<Ranked[]> {
  const compared = ranking.slice(0, MOST_COLLAPSED);
  const embeddings = await embeddingsOf(parts, compared);
  const kept: Float32Array[] = [];
  return compared.filter((_, at) => {
    const embedding = embeddings[at];
    if (!embedding) return true;
    if (kept.some((other) => cosine(other, embedding) >= threshold)) return false;
    kept.push(embedding);
    return true;
  });
}

/**
 * Each next hit is the one of most score and least likeness to those before it: maximal marginal relevance, as in
 * Carbonell and Goldstein 1998, with lambda = 1 - diversity.
 */
async function orderByRelevance(
  parts: DiversifyParts,
  compared: readonly Ranked[],
  diversity: number,
): Promise<Ranked[]> {
  const embeddings = await embeddingsOf(parts, compared);
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
    chosen.push(next.one);
    for (const other of left) {
      const likeness = next.embedding && other.embedding ? cosine(next.embedding, other.embedding) : 0;
      if (likeness > other.likeness) other.likeness = likeness;
    }
  }
  return chosen;
}

function embeddingsOf(
  { vectorIndex, collections }: DiversifyParts,
  ranking: readonly Ranked[],
): Promise<(Float32Array | undefined)[]> {
  return vectorIndex.embeddings(
    ranking.map(({ key, at }) => ({ key, collection: collections[at] as Collection })),
  );
}
