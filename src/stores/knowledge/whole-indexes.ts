import { errorMessage, StackloreError } from '../../errors.ts';
import type { Database } from '../../redis/databases.ts';
import type { Manifest } from '../../schema/knowledge.ts';
import type { Collection } from './collections.ts';
import { chunkPrefix } from './document-ids.ts';
import { findIndexShape, type IndexShape, shareIndexed } from './ft-index.ts';
import { metadataAttribute } from './index-command.ts';
import { indexName, indexNumber, termsFields } from './index-fields.ts';

/**
 * Which indexes hold all chunks. After a crash a server that has replayed its log answers from indexes that it is still
 * filling, by the aliases of before, so each index is looked at once over every new connection.
 */
export class WholeIndexes {
  readonly #database: Database;
  readonly #known = new Map<
    string,
    { readonly shape: IndexShape | undefined; readonly connections: number }
  >();

  constructor(database: Database) {
    this.#database = database;
  }

  /** Whether an index was seen whole over the connection that there is now. */
  isKnown(index: string): boolean {
    return this.#known.get(index)?.connections === this.#connections;
  }

  /** Looks at an index; one that is whole is known from then on. `undefined`: there is none. */
  async look(index: string): Promise<IndexShape | 'unreadable' | undefined> {
    const shape = await findIndexShape(this.#database, index).catch((error: unknown) => {
      // Who may search but not look has to take it as it is.
      if (isForbidden(error)) return 'unreadable' as const;
      throw error;
    });
    if (shape === 'unreadable') this.#known.set(index, { shape: undefined, connections: this.#connections });
    else if (shape && !shape.indexing) this.note(index, shape);
    return shape;
  }

  /** Takes note of an index that was seen whole just now. */
  note(index: string, shape: IndexShape): void {
    this.#known.set(index, { shape, connections: this.#connections });
  }

  /** Forgets what was known of an index, as it was changed. */
  forget(index: string): void {
    this.#known.delete(index);
  }

  /**
   * Where the words of a collection are looked up: by the alias of its own index; while that has none yet, in the next one,
   * which is made for them; or nowhere so far, with the share of chunks, 0 to 1, that the next one holds.
   */
  async findWords({ name, manifest, index }: Collection): Promise<WordsPlace> {
    const known = this.isKnown(index) ? this.#known.get(index)?.shape : undefined;
    if (known && holdsWords(known, manifest)) return { in: 'own' };
    const own = await this.look(index);
    // Of a lost index the search itself finds out.
    if (!own || own === 'unreadable') return { in: 'own' };
    if (holdsWords(own, manifest)) {
      return own.indexing ? { in: 'none', indexed: shareIndexed(own) } : { in: 'own' };
    }
    const next = indexName(name, indexNumber(index) + 1);
    const shape = await this.look(next);
    if (!shape || shape === 'unreadable' || !answersFor(shape, { name, manifest })) {
      return { in: 'none', indexed: 0 };
    }
    return shape.indexing ? { in: 'none', indexed: shareIndexed(shape) } : { in: 'next', index: next };
  }

  get #connections(): number {
    return this.#database.connections ?? 0;
  }
}

export type WordsPlace =
  | { readonly in: 'own' }
  | { readonly in: 'next'; readonly index: string }
  | { readonly in: 'none'; readonly indexed: number };

/** Whether an index has the words that a collection's queries ask for. */
export function holdsWords({ sources }: IndexShape, manifest: Pick<Manifest, 'analyser' | 'next'>): boolean {
  if (!manifest.analyser) return true;
  const { own, nearby } = termsFields(manifest);
  return sources.get('analysed') === own && sources.get('analysed_nearby') === nearby;
}

/** Whether queries by words may ask an index: it is of the live chunks, and has all that conditions may be about. */
function answersFor(shape: IndexShape, { name, manifest }: Pick<Collection, 'name' | 'manifest'>): boolean {
  // Chunks that a reindex cuts anew wait under another prefix; a field unknown to an index is one that no chunk has.
  const isOfChunks = shape.prefixes.includes(chunkPrefix(name));
  const hasFields = manifest.fields.every((field) => shape.sources.has(metadataAttribute(field.name)));
  return isOfChunks && hasFields && holdsWords(shape, manifest);
}

function isForbidden(error: unknown): boolean {
  return error instanceof StackloreError && /^NOPERM/.test(errorMessage(error.cause));
}
