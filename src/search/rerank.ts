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
  const { query = '', queries = [query] } = request;
  const started = performance.now();
  const ordered = await rerankHits(reranker, { queries, depth: rerank.depth }, found.hits);
  const rerankLatencyMs = performance.now() - started;
  return { ...found, hits: ordered.slice(offset, offset + topK), rerankLatencyMs };
}

async function openReranker({ reranker }: SearchParts): Promise<Reranker> {
  if (reranker) return reranker();
  throw new StackloreError('model_unavailable', {
    message: 'There is no reranker here. Give one to openStacklore, or search without rerank.',
  });
}

/**
 * The hits in the reranker's order, each by the query that it answers best; `score` follows it, and `rerankScore` is told
 * of those that it has read.
 */
export async function rerankHits(
  reranker: Reranker,
  { queries, depth }: { queries: readonly string[]; depth: number },
  hits: readonly SearchHit[],
): Promise<SearchHit[]> {
  const read = hits.slice(0, depth);
  if (read.length === 0) return [];
  const texts = read.map(textOf);
  const scores = await Promise.all(queries.map((query) => scoreTexts(reranker, query, texts)));
  const ordered = read
    .map((hit, at) => {
      const best = Math.max(...scores.map((ofQuery) => ofQuery[at] as number));
      return { ...hit, score: best, rerankScore: best };
    })
    .sort((a, b) => b.score - a.score);
  const [next] = hits.slice(depth);
  // Scores order one answer: those of the rest go on below, at the distances they had.
  const shift = (ordered.at(-1)?.score ?? 0) - (next?.score ?? 0);
  return [...ordered, ...hits.slice(depth).map((hit) => ({ ...hit, score: hit.score + shift }))];
}

async function scoreTexts(
  reranker: Reranker,
  query: string,
  texts: readonly string[],
): Promise<readonly number[]> {
  const scores = await reranker.rerank(query, texts);
  if (scores.length === texts.length && scores.every(Number.isFinite)) return scores;
  throw new StackloreError('embedding_failed', {
    message: `The reranker gave ${scores.length} scores for ${texts.length} texts, or some that are no numbers. Check the model, or search without rerank.`,
  });
}

/** A chunk as its embedding sees it: what the document is called, then the text. */
function textOf({ title, source, text }: SearchHit): string {
  return title === source || text.includes(title) ? text : `${title}\n${text}`;
}
