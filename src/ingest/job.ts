import type { Embedder } from '../embed/embedder.ts';
import type { Collection } from '../stores/knowledge/collections.ts';
import type { IngestLeases } from '../stores/knowledge/ingest-leases.ts';
import type { CollectionParts, CollectionSettings } from './collection-settings.ts';
import type { HeldSource, HeldSources } from './held-sources.ts';
import type { ParsedDocument } from './parse/document.ts';
import type { ParseOptions } from './parse/parse-source.ts';
import type { Vanished } from './prune.ts';
import type { Room } from './room.ts';
import type { ReadOptions, SourceRef } from './source.ts';
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
  /** Write documents again whose content is unchanged: chunks that were lost come back. Vectors still there are kept. */
  readonly force?: boolean;
  readonly onEvent?: (event: IngestEvent) => void;
  /**
   * Put the collection's name before every id that a document gives itself, unless the collection has a document of that
   * very id: so no one learns which ids other collections hold.
   */
  readonly qualifyIds?: boolean;
  /** Whose usage it counts for; `anonymous` unless given. */
  readonly userId?: string;
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

/** A document that a program holds as text; `source` names it in hits and, without a `docId`, identifies it. */
export interface TextDocument {
  readonly text: string;
  readonly source: string;
  readonly title?: string;
  readonly docId?: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** How the text is read, Markdown unless told otherwise. */
  readonly contentType?: 'markdown' | 'text' | 'html' | 'code';
}

/** A file that a program holds as bytes; `source` names it in hits and identifies it, its extension tells its type. */
export interface FileContents {
  readonly source: string;
  readonly bytes: Uint8Array;
  /** What a server or browser called it; a hint only. */
  readonly mediaType?: string;
}

/** What an ingest works with. */
export interface IngestParts extends CollectionParts {
  readonly leases: IngestLeases;
}

/** One run of an ingest. */
export interface Job {
  readonly parts: IngestParts;
  readonly request: TextIngestRequest & Pick<IngestRequest, 'read' | 'parse'>;
  readonly started: number;
  readonly startedAt: Date;
  readonly collection: Collection;
  /** Whether this run made the collection. */
  readonly isNew: boolean;
  readonly embedder: Embedder;
  /** Sources of the run; what is stored of them may be replaced before it ends. */
  readonly listed: Set<string>;
  /** Documents whose files are gone; their text may be taken over by a file of another name. */
  readonly vanished: Vanished;
  readonly tally: Tally;
  /** Aborted by the caller's signal, or when the server is out of reach and going on is pointless. */
  readonly stop: AbortController;
  /** When pruning, for each completely read source the ids of its documents, to recognise rows that vanished from it. */
  readonly rows: Map<string, Set<string>> | undefined;
  /** Documents that wait, by id, until all others are done: what has their text may still change. */
  readonly postponed: Map<string, SourceRef>;
  /** Whether only postponed documents are handled, now for good. */
  isSecondPass: boolean;
  /** Limits the text of the documents under way. */
  readonly room: Room;
  /** Documents of one id, or of equal text, are handled one after the other: the second must see the first. */
  readonly turns: Turns;
  /** Sources whose documents are under way: no other process ingests these meanwhile. */
  readonly held: HeldSources;
}

/** A parsed document and where it comes from. */
export interface Work {
  readonly parsed: ParsedDocument;
  readonly origin: SourceRef['kind'] | 'program';
  /** What to read the document from once more. */
  readonly ref?: SourceRef;
  /** Where its id is noted down as given by its source. */
  readonly produced?: Set<string>;
  /** Held until its documents are done. */
  readonly held: HeldSource;
}
