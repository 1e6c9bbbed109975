import type { Embedder } from '../embed/embedder.ts';
import type { Collection } from '../stores/knowledge/collections.ts';
import type { CollectionParts, CollectionSettings } from './collection-settings.ts';
import type { ParsedDocument } from './parse/document.ts';
import type { ParseOptions } from './parse/parse-source.ts';
import type { Vanished } from './prune.ts';
import type { ReadOptions } from './source.ts';
import type { IngestEvent, Tally } from './tally.ts';
import type { Turns } from './turns.ts';

/** How documents are ingested, whatever they come from. */
export interface TextIngestRequest {
  readonly collection?: string;
  /** Used when the collection is created; otherwise they must agree with it. */
  readonly settings?: CollectionSettings;
  /** Metadata for every document, over what a document says itself. */
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** Most chunks of one document (5,000); a longer one is refused as `too_large`. */
  readonly maxChunks?: number;
  readonly onEvent?: (event: IngestEvent) => void;
  /** When aborted, documents under way are finished and the rest is left. */
  readonly signal?: AbortSignal;
}

/** What to ingest and how; `sources` are paths, globs, folders, URLs, or `-` for `read.stdin`. */
export interface IngestRequest extends TextIngestRequest {
  readonly sources: readonly string[];
  readonly read?: ReadOptions;
  readonly parse?: ParseOptions;
  /** Delete documents whose files vanished below the given folders, and rows that vanished from given files. */
  readonly prune?: boolean;
}

/** One run of an ingest. */
export interface Job {
  readonly parts: CollectionParts;
  readonly request: TextIngestRequest & Pick<IngestRequest, 'read' | 'parse'>;
  readonly started: number;
  readonly collection: Collection;
  readonly embedder: Embedder;
  /** Documents whose files are gone; their text may be taken over by a file of another name. */
  vanished: Vanished;
  readonly tally: Tally;
  /** Aborted by the caller's signal, or when the server is out of reach and going on is pointless. */
  readonly stop: AbortController;
  /** For each completely read source the ids of its documents, to recognise rows that vanished from it. */
  readonly rows: Map<string, Set<string>>;
  /** Documents of one id, or of equal text, are handled one after the other: the second must see the first. */
  readonly turns: Turns;
}

/** A parsed document, and where its id is noted down as given by its source. */
export interface Work {
  readonly parsed: ParsedDocument;
  readonly produced: Set<string>;
}
