import { z } from 'zod';
import { chunkRecord } from '../schema/knowledge.ts';
import { checkVector, hasDirection } from '../stores/knowledge/check-vector.ts';
import type { ChunkSamples } from '../stores/knowledge/chunk-samples.ts';
import type { Collection, Collections } from '../stores/knowledge/collections.ts';
import type { ResponseCache } from '../stores/main/response-cache.ts';
import { stateOf } from './cached-search.ts';
import { checkModel, requireModel } from './check-models.ts';
import { type Plane, planeOf, project } from './plane.ts';
import { refinedSearch } from './refined-search.ts';
import { checkQuery, parse } from './request.ts';
import { count, isNumbers } from './request-fields.ts';
import type { SearchParts } from './search.ts';

/** What a map is made with. */
export interface MapParts extends SearchParts {
  readonly collections: Pick<Collections, 'get' | 'getRecent'>;
  readonly chunkSamples: Pick<ChunkSamples, 'take'>;
  readonly responseCache: Pick<ResponseCache, 'getOrCompute'>;
}

/** What a map takes, as an edge checks it. */
export const mapRequest = z.strictObject({
  collection: z.string('must be the name of a collection').default('default'),
  /** How many chunks are shown at most, evenly from all documents. */
  limit: count(1, 10_000).default(2_000),
  /** A question to be shown on the map, with what a search for it finds. */
  query: z.string('must be text').optional(),
  /** The same for a vector of the collection's dimensions; beside a text, which then is not embedded. */
  vector: z
    .custom<Float32Array | readonly number[]>(isNumbers, 'must be a Float32Array or a list of numbers')
    .optional(),
  /** How many hits are searched for. */
  topK: count(1, 1_000).default(10),
  /** Chunks to be shown as hits in place of a search, such as those of one that was made already. */
  chunkIds: z.array(z.string('must be the id of a chunk').min(1)).max(1_000).optional(),
});

/** What a map takes. */
export type MapInput = z.input<typeof mapRequest>;

/** A place on the map: both from -1 to 1, in the same unit. */
export interface MapPlace {
  readonly x: number;
  readonly y: number;
}

/** A chunk on the map. */
export interface MapPoint extends MapPlace {
  readonly chunkId: string;
  readonly docId: string;
  readonly title: string;
}

/** A hit on the map, whether or not it is one of the points. */
export interface MapHit extends MapPlace {
  readonly chunkId: string;
}

/** The chunks of a collection as a plane shows them best. */
export interface CollectionMap {
  readonly collection: string;
  /** The corpus version that it shows. */
  readonly version: number;
  readonly points: readonly MapPoint[];
  readonly documents: number;
  /** How many chunks there are; estimated where there are more than 10,000 documents. */
  readonly chunks: number;
  /** The share of all variance of the vectors that each direction shows, 0 to 1. */
  readonly explainedVariance: { readonly x: number; readonly y: number };
  /** Where the question is, at the edge if it is beyond; absent unless one was given. */
  readonly query?: MapPlace;
  /** What was found for the question, best first, or the chunks asked for; absent unless one of both was given. */
  readonly hits?: readonly MapHit[];
  readonly warnings: readonly string[];
}

/** What depends on the collection alone, as it is cached. */
interface Projection extends Pick<CollectionMap, 'points' | 'documents' | 'chunks'> {
  readonly plane: Plane;
}

/** What stands for maps in the keys of the response cache. */
const MAP_ENDPOINT = 'map';
/** Its corpus version is part of the key, so that no map is ever stale. */
const MAP_TTL_SECONDS = 3_600;

/**
 * A plane through the vectors of a collection that shows how they differ: the first two principal axes of a sample. The
 * same for the same state of the collection, and kept until it changes. Throws `invalid_input`, `not_found`, and for a
 * question like `search`.
 */
export async function map(parts: MapParts, input: MapInput = {}): Promise<CollectionMap> {
  const { limit, chunkIds, ...request } = parse(mapRequest, input);
  const collection = await parts.collections.get(request.collection);
  const warnings: string[] = [];
  const vector = await vectorOf(parts, { collection, request, warnings });
  const { value } = await parts.responseCache.getOrCompute<Projection>(
    { endpointName: MAP_ENDPOINT, params: { collection: stateOf(collection), limit } },
    () => projectSample(parts, collection, limit),
    { ttlSeconds: MAP_TTL_SECONDS },
  );
  const { plane, ...shown } = value;
  let ids = chunkIds;
  if (vector && !ids) {
    const { query, topK } = request;
    const found = await refinedSearch(parts, {
      ...{ collection: collection.name, topK, vector },
      ...(query !== undefined && { query }),
    });
    warnings.push(...found.warnings);
    ids = found.hits.map(({ chunkId }) => chunkId);
  }
  return {
    ...{ collection: collection.name, version: collection.version, ...shown },
    explainedVariance: { x: plane.shares[0], y: plane.shares[1] },
    ...(vector && { query: placeOf(plane, vector) }),
    ...(ids && { hits: await placeHits(parts, { collection, plane, ids }) }),
    warnings: [...new Set(warnings)],
  };
}

/** The vector of the question, if there is one. */
async function vectorOf(
  parts: SearchParts,
  asked: { collection: Collection; request: Pick<MapInput, 'query' | 'vector'>; warnings: string[] },
): Promise<Float32Array | undefined> {
  const { collection, warnings } = asked;
  const { query, vector: given } = asked.request;
  if (given !== undefined) {
    const vector = Float32Array.from(given);
    checkVector(vector, collection.manifest.dimensions);
    return vector;
  }
  if (query === undefined) return undefined;
  const text = checkQuery(query);
  requireModel(collection);
  const embedder = await parts.embedder();
  warnings.push(...checkModel(collection, embedder));
  return embedder.embedQuery(text);
}

async function projectSample(
  { chunkSamples }: MapParts,
  collection: Collection,
  limit: number,
): Promise<Projection> {
  const { sampled, documents, chunks } = await chunkSamples.take(collection, limit);
  const plane = await planeOf(sampled.map(({ embedding }) => embedding));
  const points = sampled.map(({ chunkId, docId, title, embedding }) => {
    return { chunkId, docId, title, ...placeOf(plane, embedding) };
  });
  return { plane, points, documents, chunks };
}

/** The places of chunks, in their order; those that are gone or have no vector are left out. */
async function placeHits(
  { vectorIndex }: MapParts,
  { collection, plane, ids }: { collection: Collection; plane: Plane; ids: readonly string[] },
): Promise<MapHit[]> {
  const chunks = ids.flatMap((chunkId) => {
    const keys = chunkRecord.key.candidates({ collection: collection.name, chunkId });
    return keys.map((key) => ({ chunkId, key, collection }));
  });
  const vectors = await vectorIndex.embeddings(chunks);
  const hits = new Map<string, MapHit>();
  for (const [at, { chunkId }] of chunks.entries()) {
    const vector = vectors[at];
    if (vector?.length !== collection.manifest.dimensions || !hasDirection(vector) || hits.has(chunkId))
      continue;
    hits.set(chunkId, { chunkId, ...placeOf(plane, vector) });
  }
  return [...hits.values()];
}

function placeOf(plane: Plane, vector: Float32Array): MapPlace {
  const [x, y] = project(plane, vector);
  return { x, y };
}
