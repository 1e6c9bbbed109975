import { embedQueryOnce } from './fact-context.ts';
import { highlightHits } from './highlight-hits.ts';
import { parseSearchRequest, type SearchInput, type SearchRequest } from './request.ts';
import { rerankedSearch } from './rerank.ts';
import { type SearchAnswer, type SearchParts, search } from './search.ts';

/** A search, and what is asked to be done with its hits. Throws like `search`. */
export async function refinedSearch(
  parts: SearchParts,
  input: SearchInput | SearchRequest,
): Promise<SearchAnswer> {
  const request = parseSearchRequest(input);
  const shared = request.highlight ? embedQueryOnce(parts) : parts;
  const { rerank } = request;
  const answer = rerank
    ? await rerankedSearch(shared, { ...request, rerank })
    : await search(shared, request);
  return request.highlight ? highlightHits(shared, request, answer) : answer;
}
