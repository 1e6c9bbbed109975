/** What a source turned out to be, whatever its extension says. */
export type ContentType = 'markdown' | 'html' | 'text' | 'pdf' | 'docx' | 'csv' | 'jsonl' | 'json' | 'code';

/** A structural unit of a document's text, `text.slice(start, end)`; blocks come in order and never overlap. */
export interface Block {
  readonly kind: 'heading' | 'paragraph' | 'list-item' | 'code' | 'table' | 'table-row' | 'quote';
  readonly start: number;
  readonly end: number;
  /** The headings above the block, outermost first; a heading's own text is the last of its path. */
  readonly headings: readonly string[];
  /** Page of the source, from 1, where the format has pages. */
  readonly page?: number;
}

/** A document as its parser gives it: the text that offsets refer to, and its structure. */
export interface ParsedDocument {
  /** Only when the input itself names one (`_id` or `id` of a row). */
  readonly docId?: string;
  readonly source: string;
  /** Only of a row: the source that holds it. */
  readonly container?: string;
  readonly title: string;
  readonly contentType: ContentType;
  /** NFC, with `\n` as the only line end. */
  readonly text: string;
  readonly blocks: readonly Block[];
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly wordCount: number;
}

/** What of a document the chunker cuts. */
export type CuttableText = Pick<ParsedDocument, 'title' | 'text' | 'blocks'>;
