import type { Candidate, CandidateQuery } from '../candidates.ts';
import { DISTANCE, type SearchReply } from '../knn-reply.ts';

/** What is asked of the index beside the order, to tell which version of its document a chunk was when it was found. */
export const VERSION_FIELDS = ['doc_id', 'generation'] as const;

/** A candidate of some version of its document, perhaps not of the one that readers see. */
export interface VersionedCandidate extends Candidate {
  readonly docId: string;
  readonly generation: number | undefined;
}

/** The candidates of a reply with `VERSION_FIELDS`, and how many rows the server gave. */
export function readVersioned(
  reply: SearchReply,
  { by }: CandidateQuery,
): { candidates: VersionedCandidate[]; rows: number } {
  const width = by === 'text' ? 3 : 2;
  const candidates: VersionedCandidate[] = [];
  for (let at = 1; at < reply.length; at += width) {
    const fields = reply[at + width - 1];
    if (!Array.isArray(fields)) continue; // deleted between match and load
    const told = new Map<string, string>();
    for (let n = 0; n + 1 < fields.length; n += 2) told.set(fields[n] as string, fields[n + 1] as string);
    const value = Number(by === 'text' ? reply[at + 1] : told.get(DISTANCE));
    if (Number.isNaN(value)) continue; // no direction
    const generation = told.get('generation');
    candidates.push({
      ...{ key: reply[at] as string, value, docId: told.get('doc_id') ?? '' },
      generation: generation === undefined ? undefined : Number(generation),
    });
  }
  return { candidates, rows: (reply.length - 1) / width };
}

/** The same query for more candidates. */
export function withLimit(query: CandidateQuery, limit: number): CandidateQuery {
  const params = query.params.map((value, at) => {
    const name = at % 2 === 1 ? query.params[at - 1] : undefined;
    if (query.by !== 'distance' || (name !== 'k' && name !== 'ef')) return value;
    // An HNSW index gives no more than it looked at.
    return String(name === 'k' ? limit : Math.max(Number(value), limit));
  });
  return { ...query, params, limit };
}
