import { z } from 'zod';
import type { Embedder } from '../../embed/embedder.ts';
import { StackloreError } from '../../errors.ts';
import { CHUNKER_VERSION } from '../../ingest/chunk.ts';
import {
  collectionSettings,
  requireFittingChunks,
  requireSameModel,
} from '../../ingest/collection-settings.ts';
import { analyserFor } from '../../ingest/index-words.ts';
import { canonicalJson } from '../../schema/canonical-json.ts';
import {
  type ChunkerSettings,
  type Manifest,
  type ReindexedSettings,
  vectorType,
} from '../../schema/knowledge.ts';
import { chosenIndex } from '../../stores/knowledge/index-kind.ts';
import type { ReindexPlan } from './plan.ts';

/** How far a step of a reindex is. */
export interface ReindexProgress {
  readonly step: 'chunks' | 'documents' | 'index' | 'queries' | 'switch' | 'clean-up';
  readonly done: number;
  readonly total: number;
}

/** Settings as a collection is created with, without their defaults. */
const { language, index, m, efConstruction, efRuntime, chunkSize, chunkOverlap } = collectionSettings.shape;
const callback = <T>() => z.custom<T>((value) => typeof value === 'function', 'must be a function');

/** What a reindex takes; without any change it goes on with the one that was begun. */
export const reindexRequest = z.strictObject({
  /** Embed every chunk again, with the configured model. */
  reembed: z.boolean().default(false),
  /** Analyse words by this language, in the present version of the analyser. */
  language,
  index: index.unwrap().optional(),
  m: m.unwrap().optional(),
  efConstruction: efConstruction.unwrap().optional(),
  efRuntime: efRuntime.unwrap().optional(),
  vectorType: vectorType.optional(),
  /** Cut every document anew; alone, as nothing else can change in the same reindex. */
  chunkSize: chunkSize.unwrap().optional(),
  chunkOverlap: chunkOverlap.unwrap().optional(),
  /** Most chunks of a document that is cut anew (5,000); a longer one keeps the chunks it has. */
  maxChunks: z.int().positive().optional(),
  /** The folder that sources were ingested below with `base`, to read them again. */
  base: z.string().min(1).optional(),
  /** Queries to compare both indexes by: texts, or a file of JSON Lines with `query` or `text` in each. */
  queries: z.union([z.string().min(1), z.array(z.string()).min(1).max(10_000)]).optional(),
  /** Build and compare; a later call without it switches. */
  buildOnly: z.boolean().default(false),
  /** Only tell what would be done and what it takes. */
  dryRun: z.boolean().default(false),
  /** Drop what the switch has left to roll back to. */
  finish: z.boolean().default(false),
  /** Go back to the index before the switch, or drop what was built so far. */
  rollback: z.boolean().default(false),
  /** Opens the model that the collection has until now, for comparisons and roll-backs; by default by its name. */
  liveEmbedder: callback<() => Promise<Embedder>>().optional(),
  /** Told what it will take, before anything is written. */
  onPlan: callback<(plan: ReindexPlan) => void>().optional(),
  onProgress: callback<(progress: ReindexProgress) => void>().optional(),
  signal: z.instanceof(AbortSignal).optional(),
});
export type ReindexInput = z.input<typeof reindexRequest>;
export type ReindexRequest = z.output<typeof reindexRequest>;

const CHANGING = ['language', 'index', 'm', 'efConstruction', 'efRuntime', 'vectorType'] as const;
const CHUNKING = ['chunkSize', 'chunkOverlap'] as const;

/** Checks a request. Throws `invalid_input` naming what cannot be used. */
export function parseReindexRequest(input: ReindexInput): ReindexRequest {
  const checked = reindexRequest.safeParse(input);
  if (!checked.success) {
    const issues = checked.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
    throw invalid(`The reindex cannot be done. ${issues.join('; ')}.`);
  }
  const request = checked.data;
  const isRechunk = CHUNKING.some((name) => request[name] !== undefined);
  const isOther = request.reembed || CHANGING.some((name) => request[name] !== undefined);
  if (isRechunk && isOther) {
    throw invalid(
      'Other chunks and another model, language, index or vector type are two reindexes. Do one, end it with --finish, then do the other.',
    );
  }
  const isChange = isRechunk || isOther;
  const modes = [request.finish, request.rollback, isChange || request.buildOnly || request.dryRun];
  if (modes.filter(Boolean).length > 1) {
    throw invalid('Finishing, rolling back and changing something are three calls. Give one of them.');
  }
  return request;
}

/**
 * What a request changes of a manifest, nothing where it asks for what is there. Throws `manifest_mismatch` for a
 * collection without a model that is to be embedded again.
 */
export async function changesOf(
  request: ReindexRequest,
  { name, manifest }: { readonly name: string; readonly manifest: Manifest },
  embedder: () => Promise<Embedder>,
): Promise<ReindexedSettings> {
  const changes: ReindexedSettings = {};
  if (request.reembed) {
    if (!manifest.model) {
      throw new StackloreError('manifest_mismatch', {
        message: `Collection "${name}" holds vectors given by a program, so no model can embed it again. Change its index, or ingest into another collection.`,
      });
    }
    const { model, dimensions } = await embedder();
    if (!isSame(model, manifest.model) || dimensions !== manifest.dimensions) {
      Object.assign(changes, { model, dimensions });
    }
  }
  const analyser = request.language && analyserFor(request.language);
  if (analyser && !isSame(analyser, manifest.analyser)) changes.analyser = analyser;
  const { auto: _, ...rest } = manifest.index;
  const before = request.index === undefined ? manifest.index : rest;
  const indexed = { ...before, ...indexSettingsOf(request, manifest.index) };
  if (!isSame(indexed, manifest.index)) changes.index = indexed;
  const { vectorType: wanted } = request;
  if (wanted !== undefined && wanted !== manifest.vectorType) changes.vectorType = wanted;
  if (wanted !== undefined && wanted !== (manifest.storedVectors ?? 'float32'))
    changes.storedVectors = wanted;
  if (CHUNKING.some((setting) => request[setting] !== undefined)) {
    const chunker = await chunkerOf(request, { name, manifest }, embedder);
    if (!isSame(chunker, manifest.chunker)) changes.chunker = chunker;
  }
  return changes;
}

async function chunkerOf(
  { chunkSize: size, chunkOverlap: overlap }: ReindexRequest,
  { name, manifest }: { readonly name: string; readonly manifest: Manifest },
  embedder: () => Promise<Embedder>,
): Promise<ChunkerSettings> {
  const opened = await embedder();
  requireSameModel({ name, manifest }, opened);
  const chunker = { size: size ?? manifest.chunker.size, overlap: overlap ?? manifest.chunker.overlap };
  requireFittingChunks(chunker, opened.model.maxTokens);
  return { version: CHUNKER_VERSION, ...chunker };
}

function indexSettingsOf(request: ReindexRequest, { kind }: Manifest['index']): Partial<Manifest['index']> {
  const given = {
    m: request.m,
    efConstruction: request.efConstruction,
    efRuntime: request.efRuntime,
  };
  const named = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  return request.index === undefined ? named : { ...named, ...chosenIndex(request.index, kind) };
}

/** Whether two values of settings say the same; the order of their keys says nothing. */
export function isSame(one: object | undefined, other: object | undefined): boolean {
  return canonicalJson(one ?? null) === canonicalJson(other ?? null);
}

function invalid(message: string): StackloreError {
  return new StackloreError('invalid_input', { message });
}
