import { StackloreError } from '../../errors.ts';
import { requireSameModel } from '../../ingest/collection-settings.ts';
import { embedChunks } from '../../ingest/cut-document.ts';
import { forEachLimited } from '../../ingest/for-each-limited.ts';
import { Room } from '../../ingest/room.ts';
import type { ChunkerSettings } from '../../schema/knowledge.ts';
import { EXCHANGED } from '../../stores/knowledge/scripts/staged-chunks.ts';
import { StagedChunks, type StagedLook, type StagingTarget } from '../../stores/knowledge/staged-chunks.ts';
import { type ReindexParts, throwIfStopped } from './parts.ts';
import { recutDocument } from './recut.ts';
import type { RechunkedDocuments } from './report.ts';
import type { ReindexRequest } from './request.ts';

/** Documents looked at in one go, and worked on at once. */
const DOCUMENTS_PER_LOOK = 100;
const DOCUMENTS_AT_ONCE = 4;
/** Documents that change their chunks at once: searches wait for no more. */
const EXCHANGES_AT_ONCE = 2;
/** UTF-16 units of text under way at once, about. */
const TEXT_AT_ONCE = 8_000_000;
const LETTERS_PER_WORD = 8;
/** How often a collection is gone through while others keep changing its documents. */
const MOST_PASSES = 100;

type Watched = Pick<ReindexRequest, 'base' | 'maxChunks' | 'onProgress' | 'signal'>;

/**
 * Brings every document into the chunks that a chunker makes, until a pass finds nothing to do: staged beside the live ones,
 * or with `exchange` in their place. What an earlier run has staged stays; what was published meanwhile is found by the
 * next pass. Gives how many chunks were written.
 */
export async function stageDocuments(
  parts: ReindexParts,
  name: string,
  { chunker, exchange, ...request }: Watched & { chunker: ChunkerSettings; exchange: boolean },
): Promise<number> {
  const staging = new Staging(parts, request);
  for (let pass = 1; pass <= MOST_PASSES; pass += 1) {
    const target = await staging.store.target(name, chunker);
    if (!target || (await staging.pass(target, exchange)) === 0) return staging.written;
  }
  throw new StackloreError('busy', {
    message: `Other programs keep changing the documents of collection "${name}". Repeat when they are done.`,
  });
}

class Staging {
  readonly store: StagedChunks;
  written = 0;
  readonly #parts: ReindexParts;
  readonly #request: Watched;
  /** Documents that were kept by an earlier call and tried again by this one. */
  readonly #retried = new Set<string>();

  constructor(parts: ReindexParts, request: Watched) {
    this.#parts = parts;
    this.#request = request;
    this.store = new StagedChunks(parts.knowledge);
  }

  /** Goes through all documents; gives how many were not as they should be. */
  async pass(target: StagingTarget, exchange: boolean): Promise<number> {
    const { onProgress, signal } = this.#request;
    const { name } = target.collection;
    const total = await this.#parts.documents.count(name);
    const step = exchange ? 'switch' : 'documents';
    let [changed, done] = [0, 0];
    const room = new Room(TEXT_AT_ONCE);
    const atOnce = exchange ? EXCHANGES_AT_ONCE : DOCUMENTS_AT_ONCE;
    await forEachLimited(this.#looks(name, room), atOnce, async (look) => {
      throwIfStopped(signal);
      const isChanged = await room.run(look.document.wordCount * LETTERS_PER_WORD, () =>
        this.#bring(target, look, exchange),
      );
      if (isChanged) changed += 1;
      done += 1;
      // Others may bring in documents meanwhile.
      onProgress?.({ step, done, total: Math.max(done, total) });
    });
    return changed;
  }

  async *#looks(name: string, room: Room): AsyncGenerator<StagedLook> {
    for await (const look of looks(this.#parts.documents, this.store, name)) {
      await room.waitFor(look.document.wordCount * LETTERS_PER_WORD);
      yield look;
    }
  }

  /** Stages a document, or puts what is staged in its place; gives whether there was anything to do. */
  async #bring(target: StagingTarget, look: StagedLook, exchange: boolean): Promise<boolean> {
    if (look.document.manifestHash === target.manifestHash) return false;
    const { staged } = look;
    const isStaged =
      staged?.manifestHash === target.manifestHash &&
      staged.version === look.version &&
      staged.madeWith === target.madeWith &&
      !this.#shallRetry(look);
    if (isStaged && (!exchange || (staged.way === 'kept' && staged.chunkCount === 0))) return false;
    if (!isStaged && !(await this.#stage(target, look, exchange))) return true;
    if (!exchange) return true;
    const reply = await this.store.exchange(target, look);
    // Chunks that were staged may have been removed by hand.
    if (reply === EXCHANGED.incomplete) await this.#stage(target, look, exchange);
    return true;
  }

  /** Whether a document that was kept can be cut now: by another limit, or with its file. Asked once of each. */
  #shallRetry({ document: { docId }, staged }: StagedLook): boolean {
    const { maxChunks, base } = this.#request;
    if (staged?.way !== 'kept' || (maxChunks ?? base) === undefined || this.#retried.has(docId)) return false;
    this.#retried.add(docId);
    return true;
  }

  async #stage(target: StagingTarget, look: StagedLook, exchange: boolean): Promise<boolean> {
    const { documents, embedder: open } = this.#parts;
    const { chunker } = target.collection.manifest;
    const { document } = look;
    const embedder = await open();
    requireSameModel(target.collection, embedder);
    const recut = await recutDocument(documents, document, {
      ...this.#request,
      ...{ chunker, embedder, canRead: true },
    });
    if (!recut) return this.store.keep(target, look, { copied: !exchange });
    const { way, chunks } = recut;
    const known = new Map([
      ...(await this.store.embeddings(target, look)),
      ...(await documents.embeddings(target.collection, document)),
    ]);
    const { vectors } = await embedChunks(embedder, chunks, known);
    this.written += chunks.length;
    return this.store.stage(target, look, { chunks, embeddings: vectors, way });
  }
}

/** By which way the documents of a collection came into their chunks; those published since are not counted. */
export async function countWays(
  { knowledge, documents }: Pick<ReindexParts, 'knowledge' | 'documents'>,
  name: string,
): Promise<RechunkedDocuments> {
  const counts = { fromSource: 0, fromChunks: 0, inexact: 0, kept: 0 };
  const store = new StagedChunks(knowledge);
  for await (const { staged } of looks(documents, store, name)) {
    if (staged?.way === 'source') counts.fromSource += 1;
    if (staged?.way === 'chunks') counts.fromChunks += 1;
    if (staged?.way === 'chunks-inexact') counts.inexact += 1;
    if (staged?.way === 'kept') counts.kept += 1;
  }
  return counts;
}

/** Every document of a collection with what is staged of it. */
async function* looks(
  documents: ReindexParts['documents'],
  store: StagedChunks,
  name: string,
): AsyncGenerator<StagedLook> {
  for await (const docIds of documents.idPages(name, DOCUMENTS_PER_LOOK))
    yield* await store.look(name, docIds);
}
