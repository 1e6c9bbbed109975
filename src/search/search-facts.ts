import type { QueryEmbedder } from '../embed/embedder.ts';
import type { FactFilter } from '../schema/fact-input.ts';
import type { FactMatch, StoredFact } from '../stores/knowledge/fact.ts';
import type { FactIndex } from '../stores/knowledge/fact-index.ts';
import type { Facts } from '../stores/knowledge/facts.ts';
import { factSearch } from './fact-request.ts';
import { checkQuery, invalidRequest, parse } from './request.ts';

/** What a search of facts works with. */
export interface FactSearchParts {
  readonly facts: Pick<Facts, 'nearest'>;
  readonly factIndex: Pick<FactIndex, 'findManifest' | 'open'>;
  /** Opens the model; asked only when a query is text. */
  readonly embedder: () => Promise<QueryEmbedder>;
}

/** A search of facts as callers write it; exactly one of `query` and `vector`. */
export interface FactSearchInput extends FactFilter {
  readonly query?: string | undefined;
  readonly vector?: Float32Array | readonly number[] | undefined;
  readonly topK?: number | undefined;
  readonly offset?: number | undefined;
  readonly minScore?: number | undefined;
  /** Whose usage the search counts for. */
  readonly userId?: string | undefined;
}

/** A fact found. */
export interface FactHit extends StoredFact {
  /** The cosine of the angle between query and fact; larger is better. */
  readonly score: number;
  /** Cosine distance, 0 to 2. */
  readonly distance: number;
}

/** The facts of a search, best first, and what the caller should know about them. */
export interface FactAnswer {
  readonly hits: FactHit[];
  readonly warnings: string[];
}

/**
 * Finds the facts nearest in meaning to a text or a vector. Throws `invalid_input`, `invalid_filter`,
 * `manifest_mismatch`, `dimension_mismatch`, `invalid_vector`, `too_large` or what the server answers.
 */
export async function searchFacts(parts: FactSearchParts, input: FactSearchInput): Promise<FactAnswer> {
  const { query, vector, topK, offset, minScore = -1, filter } = parseSearch(input);
  const manifest = await parts.factIndex.findManifest();
  if (!manifest) return { hits: [], warnings: [NOTHING_EMBEDDED] };
  const { matches, outdated, unreadable, rebuilt } = await parts.facts.nearest(manifest, {
    vector: vector ?? (await embed(parts, query)),
    ...{ topK, offset, filter },
  });
  const warnings = unreadable.map(({ message }) => message);
  if (rebuilt) warnings.push('The index of facts had been lost and was rebuilt.');
  if (outdated > 0) {
    warnings.push(
      `${outdated} of the nearest facts are left out because they say something else since they were embedded, or by another model. Run stacklore facts embed.`,
    );
  }
  return { hits: matches.map(toHit).filter(({ score }) => score >= minScore), warnings };
}

const NOTHING_EMBEDDED =
  'No fact has a vector yet, so none can be found by meaning. Add one, or run stacklore facts embed.';

async function embed(parts: FactSearchParts, query = ''): Promise<Float32Array> {
  const embedder = await parts.embedder();
  const { model, dimensions } = embedder;
  await parts.factIndex.open({ model, dimensions });
  return embedder.embedQuery(query);
}

function parseSearch(input: FactSearchInput) {
  if (typeof input !== 'object' || input === null) throw invalidRequest('request: must be an object.');
  const { category, source, verified, minConfidence, trustedFrom, ownedBy, ...rest } = input;
  const { query, vector, userId: _recorded, ...page } = parse(factSearch, rest);
  if ((query === undefined) === (vector === undefined)) {
    throw invalidRequest('query: give exactly one of query (text) and vector.');
  }
  return {
    ...page,
    filter: { category, source, verified, minConfidence, trustedFrom, ownedBy },
    ...(query !== undefined && { query: checkQuery(query) }),
    ...(vector && { vector: vector instanceof Float32Array ? vector : Float32Array.from(vector) }),
  };
}

function toHit({ distance, ...fact }: FactMatch): FactHit {
  return { ...fact, score: 1 - distance, distance };
}
