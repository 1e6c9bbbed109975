import type { Embedder } from '../../embed/embedder.ts';
import { StackloreError } from '../../errors.ts';
import type { Database } from '../../redis/databases.ts';
import type { Manifest } from '../../schema/knowledge.ts';
import type { Collection, Collections } from '../../stores/knowledge/collections.ts';
import type { Documents } from '../../stores/knowledge/documents.ts';
import type { Reindexes } from '../../stores/knowledge/reindexes.ts';
import type { VectorIndex } from '../../stores/knowledge/vector-index.ts';

/** What a hit of either index is compared by. */
export interface ComparedHit {
  readonly chunkId: string;
  readonly docId: string;
  readonly vectorScore?: number;
}

/** Answers a query by the index that a collection names, as `search` does. */
export type Answer = (
  parts: { readonly collection: Collection; readonly embedder: () => Promise<Embedder> },
  request: { readonly query: string; readonly topK: number; readonly maxPerDocument?: number },
) => Promise<readonly ComparedHit[]>;

/** What a reindex works with. */
export interface ReindexParts {
  readonly knowledge: Database;
  readonly collections: Collections;
  readonly documents: Documents;
  readonly vectorIndex: VectorIndex;
  readonly reindexes: Reindexes;
  /** The configured model: what chunks are embedded with. */
  readonly embedder: () => Promise<Embedder>;
  /** Opens a model that a manifest names. */
  readonly openModel: (model: NonNullable<Manifest['model']>, dimensions: number) => Promise<Embedder>;
  readonly answer: Answer;
  /** How long a search that has begun may still ask the index before. */
  readonly graceMs: number;
}

/** Throws `aborted` once a caller has asked to stop. */
export function throwIfStopped(signal: AbortSignal | undefined): void {
  if (!signal?.aborted) return;
  throw new StackloreError('aborted', {
    message: 'Stopped as asked; the live index goes on serving. Repeat to go on.',
  });
}

/** How often a manifest that others changed meanwhile is read and changed again. */
const ATTEMPTS = 20;

/**
 * Puts an index with its manifest in the place of the present one, in one step for every search: each asks the index
 * of the manifest it has read. Fields declared meanwhile come along. Throws `busy` when others keep changing the manifest.
 */
export async function switchTo(
  { collections, vectorIndex }: Pick<ReindexParts, 'collections' | 'vectorIndex'>,
  name: string,
  {
    index,
    manifestOf,
    before = async () => {},
  }: {
    readonly index: string;
    readonly manifestOf: (manifest: Manifest) => Manifest;
    readonly before?: (collection: Collection) => Promise<void>;
  },
): Promise<Collection> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    const current = await collections.get(name);
    const manifest = manifestOf(current.manifest);
    const next = { ...current, manifest, index };
    await vectorIndex.builder.build(next);
    await vectorIndex.builder.complete(next);
    await before(current);
    const saved = await collections.saveManifest(current, manifest, index);
    if (!saved) continue;
    await vectorIndex.builder.ensure(saved);
    return saved;
  }
  throw new StackloreError('busy', {
    message: `Other programs keep changing the settings of collection "${name}". Repeat when they are done.`,
  });
}
