import type { Embedder } from '../../embed/embedder.ts';
import { StackloreError } from '../../errors.ts';
import { type CollectionParts, openCollection } from '../../ingest/collection-settings.ts';
import type { CheckedMigration } from '../../schema/migration-request.ts';
import type { Collection } from '../../stores/knowledge/collections.ts';
import type { RowGroup } from './foreign-rows.ts';
import type { RowTarget } from './publish-rows.ts';
import { requireLikeModel, requireStatedModel } from './require-model.ts';

type Wanted = Pick<CheckedMigration, 'vectorModel' | 'reembed' | 'dryRun'> & { readonly collection: string };

interface Settings {
  readonly found: Collection | undefined;
  /** `undefined` for a collection whose vectors are given by programs. */
  readonly embedder: Embedder | undefined;
  readonly dimensions: number;
}

/** The collection that rows go into, made only when there are some that fit. */
export class ImportTarget {
  readonly #parts: CollectionParts;
  readonly #wanted: Wanted;
  #settings: Promise<Settings> | undefined;
  #target: RowTarget | undefined;
  #isLike: boolean;

  constructor(parts: CollectionParts, wanted: Wanted) {
    this.#parts = parts;
    this.#wanted = wanted;
    this.#isLike = wanted.reembed || wanted.vectorModel !== undefined;
  }

  get isOpen(): boolean {
    return this.#target !== undefined;
  }

  /**
   * The target for the rows of a document. Throws `dimension_mismatch` when none of their vectors fits, `manifest_mismatch`
   * when they are said to be of another model than the configured one, or look so.
   */
  async openFor({ rows }: RowGroup): Promise<RowTarget> {
    this.#settings ??= this.#readSettings();
    const { embedder, dimensions } = await this.#settings;
    if (!this.#wanted.reembed) requireDimensions(rows, this.#wanted.collection, dimensions);
    if (embedder && !this.#isLike) this.#isLike = await requireLikeModel(embedder, rows);
    this.#target ??= await this.#open(await this.#settings);
    return this.#target;
  }

  async #readSettings(): Promise<Settings> {
    const { collection: name, vectorModel, reembed } = this.#wanted;
    const found = await this.#parts.collections.find(name);
    const embedder = found?.manifest.model === null ? undefined : await this.#parts.embedder();
    if (reembed && !embedder) {
      throw new StackloreError('manifest_mismatch', {
        message: `Collection "${name}" holds vectors given by a program, so nothing can be embedded for it. Leave reembed out, or use another collection.`,
      });
    }
    if (embedder && vectorModel !== undefined && !reembed)
      requireStatedModel(vectorModel, embedder.model.name);
    return { found, embedder, dimensions: found?.manifest.dimensions ?? embedder?.dimensions ?? 0 };
  }

  async #open({ found, embedder, dimensions }: Settings): Promise<RowTarget> {
    const { collection: name, reembed, dryRun } = this.#wanted;
    const target = { name, dimensions, embedder, reembed, dryRun };
    if (dryRun) return { ...target, collection: found };
    if (embedder) return { ...target, collection: await openCollection(this.#parts, name) };
    if (found) await this.#parts.vectorIndex.builder.ensure(found);
    return { ...target, collection: found };
  }
}

function requireDimensions(rows: RowGroup['rows'], name: string, dimensions: number): void {
  const lengths = rows.map(({ vector }) => vector?.byteLength ?? 0);
  if (lengths.includes(dimensions * 4)) return;
  const [bytes = 0] = lengths;
  const has = bytes === 0 ? 'no vector' : `a vector of ${bytes / 4} dimensions (${bytes} bytes, as float32)`;
  throw new StackloreError('dimension_mismatch', {
    message: `The row ${rows[0]?.key} has ${has}, collection "${name}" takes ${dimensions} dimensions. Configure the model those vectors were made with and use a new collection, name the field that holds them (--vector-field), or embed again (--reembed).`,
  });
}
