import { hash as digest } from 'node:crypto';
import { RecordError } from '../../errors.ts';
import type { Database, RedisArgument } from '../../redis/databases.ts';
import { asObject, readHashes } from '../../redis/hash.ts';
import { scanKeys } from '../../redis/scan.ts';
import { canonicalJson } from '../../schema/canonical-json.ts';
import { chunkRecord, collectionRecord, type Manifest } from '../../schema/knowledge.ts';
import { type StagedDocument, stagedDocumentRecord } from '../../schema/staged.ts';
import { type Collection, manifestHash } from './collections.ts';
import type { NewChunk, StoredDocument } from './document.ts';
import { chunkIdOf, chunkKeyPrefix } from './document-ids.ts';
import { chunkWrites } from './publish.ts';
import { decodeDocument, readDocumentHashes } from './read-documents.ts';
import { EXCHANGE, RECORD_STAGED, UNSTAGE } from './scripts/staged-chunks.ts';
import { stagedKeyPrefix, stagedPatterns } from './staged-keys.ts';
import { readEmbeddings } from './stored-chunks.ts';

/** How the staged chunks of a document came about; those of one that is `kept` are copies of the live ones. */
export type StagingWay = 'source' | 'chunks' | 'chunks-inexact' | 'kept';

/** What documents are staged for: a collection with its manifest to be, and that as it is stored now. */
export interface StagingTarget {
  readonly collection: Collection;
  /** The stored text of the present manifest. */
  readonly storedManifest: string;
  readonly manifestHash: string;
  readonly madeWith: string;
}

/** A document with what is staged of it, read at one moment. */
export interface StagedLook {
  readonly key: string;
  readonly document: StoredDocument;
  /** What tells this version of the document from others. */
  readonly version: string;
  readonly staged: StagedDocument | undefined;
}

/** What a write takes of a busy server, as for a publish. */
const TIMEOUT_MS = 30_000;
const MS_PER_CHUNK = 2;

/** Chunks that wait beside the live ones of their documents, whole documents at a time. */
export class StagedChunks {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** What to stage for: the collection as it is now, cut in another way. `undefined` where it is gone. */
  async target(name: string, chunker: Manifest['chunker']): Promise<StagingTarget | undefined> {
    const key = collectionRecord.key.build({ collection: name });
    const fields = asObject(await this.#database.send<string[]>(['HGETALL', key]));
    if (fields.manifest === undefined) return undefined;
    const stored = collectionRecord.decode(fields, key);
    const manifest = { ...stored.manifest, chunker };
    return {
      collection: { name, ...stored, manifest },
      storedManifest: fields.manifest,
      manifestHash: manifestHash(manifest),
      madeWith: digest(
        'sha256',
        canonicalJson([manifest.fields, manifest.analyser ?? null, manifest.vectorType]),
      ),
    };
  }

  /** Documents of a collection with what is staged of them; those that are gone or elsewhere are left out. */
  async look(collection: string, docIds: readonly string[]): Promise<StagedLook[]> {
    const stagedKeys = docIds.map((docId) => stagedDocumentRecord.key.build({ collection, docId }));
    const [hashes, replies] = await Promise.all([
      readDocumentHashes(this.#database, docIds),
      readHashes(this.#database, stagedKeys),
    ]);
    const staged = new Map<string, StagedDocument>();
    for (const [at, reply] of replies.entries()) {
      if (reply instanceof RecordError) throw reply;
      if (reply.length > 0)
        staged.set(docIds[at] as string, stagedDocumentRecord.decode(asObject(reply), stagedKeys[at]));
    }
    return hashes.flatMap((hash) => {
      const { docId, key, fields } = hash;
      if (fields instanceof RecordError) throw fields;
      const document = decodeDocument(hash);
      if ((document.collection ?? collection) !== collection) return [];
      const version = `${fields.updated_at ?? ''} ${fields.hash ?? ''}`;
      return { key, document, version, staged: staged.get(docId) };
    });
  }

  /** The vectors of a document's staged chunks by the hash of what was embedded. */
  embeddings(
    { collection }: StagingTarget,
    { document, staged }: StagedLook,
  ): Promise<Map<string, Float32Array>> {
    const keyPrefix = stagedKeyPrefix(collection.name, document.docId);
    return readEmbeddings(this.#database, collection, { chunkCount: staged?.chunkCount ?? 0, keyPrefix });
  }

  /** Stages chunks of a document; gives `false` and leaves none where it was published again or deleted since the look. */
  async stage(
    target: StagingTarget,
    look: StagedLook,
    {
      chunks,
      embeddings,
      way,
    }: { chunks: readonly NewChunk[]; embeddings: readonly Float32Array[]; way: Exclude<StagingWay, 'kept'> },
  ): Promise<boolean> {
    const { collection } = target;
    const keyPrefix = stagedKeyPrefix(collection.name, look.document.docId);
    const writes = await chunkWrites(collection, look.document, { chunks, embeddings, keyPrefix });
    return this.#write(target, look, { writes, chunkCount: chunks.length, way });
  }

  /** Notes that a document keeps its chunks; with `copied`, copies of them are staged for a comparison. */
  async keep(target: StagingTarget, look: StagedLook, { copied }: { copied: boolean }): Promise<boolean> {
    const { docId } = look.document;
    const chunkCount = copied ? look.document.chunkCount : 0;
    const { name } = target.collection;
    const keyPrefix = stagedKeyPrefix(name, docId);
    const writes: RedisArgument[][] = [];
    for (let n = 0; n < chunkCount; n += 1) {
      const ids = { collection: name, chunkId: chunkIdOf(docId, n) };
      // The raw key of other writers comes first among the candidates, and so is copied over the other.
      for (const key of chunkRecord.key.candidates(ids).toReversed()) {
        writes.push(['COPY', key, `${keyPrefix}${n}`, 'REPLACE']);
      }
    }
    return this.#write(target, look, { writes, chunkCount, way: 'kept' });
  }

  /** Lets staged and live chunks of a document change places; see `EXCHANGED` for what it gives. */
  async exchange(
    { collection, storedManifest, manifestHash: hash }: StagingTarget,
    look: StagedLook,
  ): Promise<number> {
    const { name, createdAt } = collection;
    const { docId, chunkCount } = look.document;
    const keys = [look.key, stagedDocumentRecord.key.build({ collection: name, docId })];
    keys.push(collectionRecord.key.build({ collection: name }));
    const prefixes = [chunkKeyPrefix(name, docId), stagedKeyPrefix(name, docId)];
    const expected = [collectionRecord.fields.createdAt.encode(createdAt), storedManifest];
    const command = EXCHANGE.evalCommand(keys, [...prefixes, hash, ...expected]);
    const chunks = chunkCount + (look.staged?.chunkCount ?? 0);
    return this.#database.send<number>(command, { timeoutMs: TIMEOUT_MS + chunks * MS_PER_CHUNK });
  }

  /** Removes everything that is staged of a collection; `onRemoved` is told how many keys went. */
  async clear(collection: string, onRemoved: (keys: number) => void = () => {}): Promise<void> {
    for (const pattern of stagedPatterns(collection)) {
      for await (const keys of scanKeys(this.#database, pattern)) {
        if (keys.length > 0) onRemoved(await this.#database.send<number>(['UNLINK', ...keys]));
      }
    }
  }

  async #write(
    target: StagingTarget,
    { key, document, version }: StagedLook,
    { writes, chunkCount, way }: { writes: RedisArgument[][]; chunkCount: number; way: StagingWay },
  ): Promise<boolean> {
    const { name } = target.collection;
    const keyPrefix = stagedKeyPrefix(name, document.docId);
    const recordKey = stagedDocumentRecord.key.build({ collection: name, docId: document.docId });
    const { manifestHash: hash, madeWith } = target;
    const record = stagedDocumentRecord.encode({ chunkCount, manifestHash: hash, version, madeWith, way });
    const replies = await this.#database.transaction<number>(
      [
        UNSTAGE.evalCommand([recordKey], [keyPrefix]),
        ...writes,
        RECORD_STAGED.evalCommand([key, recordKey], [version, keyPrefix, String(chunkCount), ...record]),
      ],
      { timeoutMs: TIMEOUT_MS + chunkCount * MS_PER_CHUNK },
    );
    return replies.at(-1) === 1;
  }
}
