import type { Reranker } from '../embed/reranker.ts';
import { StackloreError } from '../errors.ts';
import type { SearchRequest } from './request.ts';
import { type SearchAnswer, type SearchHit, type SearchParts, search } from './search.ts';

/**
 * A search whose best `depth` hits a cross-encoder puts into a new order; the others follow as they were. The same
 * hits are reranked for every page, so that pages follow each other. Throws `model_unavailable` where there is no reranker.
 */
export async function rerankedSearch(
  parts: SearchParts,
  { rerank, topK, offset, ...request }: SearchRequest & { readonly rerank: { readonly depth: number } },
): Promise<SearchAnswer> {
  // Opened first: a search without it would be in vain.
  const reranker = await openReranker(parts);
  const found = await search(parts, { ...request, topK: Math.max(rerank.depth, offset + topK), offset: 0 });
  const query = request.query ?? request.queries?.[0] ?? '';
  const started = performance.now();
  const ordered = await rerankHits(reranker, { query, depth: rerank.depth }, found.hits);
  const rerankLatencyMs = performance.now() - started;
  return { ...found, hits: ordered.slice(offset, offset + topK), rerankLatencyMs };
}

async function openReranker({ reranker }: SearchParts): Promise<Reranker> {
  if (reranker) return reranker();
  throw new StackloreError('model_unavailable', {
    message: 'There is no reranker here. Give one to openStacklore, or search without rerank.',
  });
}

/** The hits in the reranker's order; `score` follows it, and `rerankScore` is told of those that it has read. */
export async function rerankHits(
  reranker: Reranker,
  { query, depth }: { query: string; depth: number },
  hits: readonly SearchHit[],
): Promise<SearchHit[]> {
  const read = hits.slice(0, depth);
  if (read.length === 0) return [];
  const scores = await reranker.rerank(query, read.map(textOf));
  if (scores.length !== read.length || !scores.every(Number.isFinite)) {
    throw new StackloreError('embedding_failed', {
      message: `The reranker gave ${scores.length} scores for ${read.length} texts, or some that are no numbers. Check the model, or search without rerank.`,
    });
  }
  const ordered = read
    .map((hit, at) => ({ ...hit, score: scores[at] as number, rerankScore: scores[at] as number }))
    .sort((a, b) => b.score - a.score);
  const [next] = hits.slice(depth);
  // Scores order one answer: those of the rest go on below, at the distances they had.
  const shift = (ordered.at(-1)?.score ?? 0) - (next?.score ?? 0);
  return [...ordered, ...hits.slice(depth).map((hit) => ({ ...hit, score: hit.score + shift }))];
}

/** A chunk as its embedding sees it: what the document is called, then the text. */
function textOf({ title, source, text }: SearchHit): string {
  return title === source || text.includes(title) ? text : `${title}\n${text}`;
}
