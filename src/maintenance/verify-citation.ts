import { z } from 'zod';
import { StackloreError } from '../errors.ts';
import {
  type Provenance,
  type Reread,
  type RereadOptions,
  rereadSource,
  type Vanished,
} from '../ingest/reread-source.ts';
import type { StoredDocument } from '../stores/knowledge/document.ts';
import { joinChunks } from '../stores/knowledge/document-text.ts';
import type { Documents } from '../stores/knowledge/documents.ts';
import { findPassage, type Place } from './find-passage.ts';

const offset = z.int('must be a whole number').min(0, 'must be at least 0');

/** What of a citation is looked at; one of a context has more, which is left alone. */
export const citation = z.object({
  docId: z.string('must be the id of a document').min(1, 'must be the id of a document'),
  start: offset.optional(),
  end: offset.optional(),
  contentHash: z.string('must be a content hash').min(1, 'must be a content hash').optional(),
  text: z
    .string('must be text')
    .refine((text) => text.trim() !== '', 'must hold words')
    .optional(),
  source: z.string('must be a path or URL').optional(),
});

const options = z.strictObject({
  source: z.boolean('must be true or false').optional(),
  read: z.custom<RereadOptions['read']>(isObject, 'must be options').optional(),
  parse: z.custom<RereadOptions['parse']>(isObject, 'must be options').optional(),
});

/** A citation as a context gives it, or made of a document id and UTF-16 offsets into the document's text. */
export type CitationInput = z.input<typeof citation>;

export interface VerifyCitationOptions extends RereadOptions {
  /** Compare with the file or URL the document came from, read anew, instead of with what is stored. */
  readonly source?: boolean;
}

/** What became of a cited text. */
export interface CitationCheck {
  readonly docId: string;
  /**
   * `unchanged`: it stands where it stood; `moved`: it stands elsewhere; `changed`: it stands nowhere in the document;
   * `gone`: there is no document any more; `unreadable`: the source cannot be read or parsed, so that nobody knows.
   */
  readonly status: 'unchanged' | 'moved' | 'changed' | 'gone' | 'unreadable';
  readonly comparedWith: 'stored' | 'source';
  /** Where the cited text stands now; absent where it is nowhere, or the document has no offsets. */
  readonly start?: number;
  readonly end?: number;
  /** Of the document as it is now. */
  readonly contentHash?: string;
  /** Whether the document has changed as a whole, be it elsewhere; absent where the citation has no hash. */
  readonly documentChanged?: boolean;
  /** The path or URL that is unreadable. */
  readonly source?: string;
  /** The same as a sentence. */
  readonly reason: string;
}

type Citation = z.output<typeof citation>;

/**
 * Says whether what was cited still stands in its document. Throws `invalid_input` for a citation that holds nothing to
 * compare, and `aborted`. A source that cannot be read is no error but a status.
 */
export async function verifyCitation(
  { documents }: { readonly documents: Pick<Documents, 'find' | 'chunks'> },
  input: CitationInput,
  given: VerifyCitationOptions = {},
): Promise<CitationCheck> {
  const cited = check(citation, input);
  const { source: isOfSource = false, read, parse } = check(options, given);
  checkComparable(cited, isOfSource);
  const document = await documents.find(cited.docId);
  const stored = document && (await readStored(documents, document));
  if (stored && cited.end !== undefined && stored.hasOffsets && isVersionOf(stored, cited)) {
    checkRange(cited.end, stored.text);
  }
  if (!isOfSource) return compare(cited, stored, 'stored');
  const provenance = document ?? (cited.source === undefined ? undefined : { source: cited.source });
  if (!provenance) return compare(cited, undefined, 'source');
  const current = await readAnew(provenance, { ...(read && { read }), ...(parse && { parse }) });
  if ('unreadable' in current) {
    const { unreadable: reason, source } = current;
    return { docId: cited.docId, status: 'unreadable', comparedWith: 'source', source, reason };
  }
  const text = cited.text ?? (stored && quote(cited, stored));
  return compare(
    text === undefined ? cited : { ...cited, text },
    'vanished' in current ? current : { ...current, hasOffsets: true },
    'source',
  );
}

/** Why a source could not be read, as a sentence. */
interface Unreadable {
  readonly unreadable: string;
  readonly source: string;
}

/** One source that cannot be read must not keep other citations from being checked. */
async function readAnew(
  provenance: Provenance,
  options: RereadOptions,
): Promise<Reread | Vanished | Unreadable> {
  try {
    return await rereadSource(provenance, options);
  } catch (error) {
    if (!(error instanceof StackloreError) || error.code === 'aborted' || error.code === 'internal')
      throw error;
    const source = provenance.container ?? provenance.source;
    return { source, unreadable: `${source} cannot be read: ${error.message}` };
  }
}

/** A document's text as it is now. */
interface CurrentText extends Omit<Reread, 'blocks'> {
  /** Whether offsets into the text are those of the document. */
  readonly hasOffsets: boolean;
}

function compare(
  cited: Citation,
  current: CurrentText | Vanished | undefined,
  comparedWith: CitationCheck['comparedWith'],
): CitationCheck {
  const { docId, contentHash } = cited;
  const what = comparedWith === 'stored' ? 'The stored document' : 'The source';
  if (!current || 'vanished' in current) {
    const reason = current?.vanished ?? `${what} is gone.`;
    return { docId, status: 'gone', comparedWith, reason };
  }
  const documentChanged = contentHash === undefined ? undefined : contentHash !== current.hash;
  const result = {
    ...{ docId, comparedWith, contentHash: current.hash },
    ...(documentChanged !== undefined && { documentChanged }),
  };
  if (cited.text === undefined) {
    if (documentChanged) {
      const reason = `${what} has changed, and the citation holds no text to look for in it.`;
      return { ...result, status: 'changed', reason };
    }
    return { ...result, status: 'unchanged', ...placeOf(cited), reason: `${what} is the same.` };
  }
  const leading = cited.text.length - cited.text.trimStart().length;
  const before = cited.start === undefined ? undefined : cited.start + leading;
  const place = findPassage(current.text, cited.text, before);
  if (!place)
    return { ...result, status: 'changed', reason: `${what} does not hold the cited text any more.` };
  if (!current.hasOffsets) {
    return { ...result, status: 'unchanged', reason: `${what} holds the cited text.` };
  }
  if (before === undefined || before === place.start) {
    const others = documentChanged ? ' Other parts of it have changed.' : '';
    return { ...result, status: 'unchanged', ...place, reason: `${what} holds the cited text.${others}` };
  }
  const reason = `${what} holds the cited text at ${place.start} to ${place.end} now.`;
  return { ...result, status: 'moved', ...place, reason };
}

/** The text that a document's chunks make up. */
async function readStored(
  documents: Pick<Documents, 'chunks'>,
  document: StoredDocument,
): Promise<CurrentText> {
  return { ...(await joinChunks(documents.chunks(document))), hash: document.hash };
}

/** What was cited, where the stored text is that of the citation. */
function quote(cited: Citation, stored: CurrentText): string | undefined {
  const place = placeOf(cited);
  if (!place || !stored.hasOffsets || !isVersionOf(stored, cited)) return undefined;
  const text = stored.text.slice(place.start, place.end);
  return text.trim() === '' ? undefined : text;
}

function isVersionOf({ hash }: CurrentText, { contentHash = hash }: Citation): boolean {
  return contentHash === hash;
}

function placeOf({ start, end }: Citation): Place | undefined {
  return start === undefined || end === undefined ? undefined : { start, end };
}

function checkComparable(cited: Citation, isOfSource: boolean): void {
  const { start, end, text, contentHash } = cited;
  if ((start === undefined) !== (end === undefined) || (start ?? 0) > (end ?? 0)) {
    throw invalid('start and end: give both, start first.');
  }
  if (text !== undefined || contentHash !== undefined || (isOfSource && placeOf(cited))) return;
  throw invalid(
    'text: there is nothing to compare. Give the text or the contentHash of the citation, or its offsets and the option source.',
  );
}

function checkRange(end: number, text: string): void {
  if (end <= text.length) return;
  throw invalid(`end: the document ends at ${text.length}, ${end} lies behind it.`);
}

function check<T>(schema: z.ZodType<T>, input: unknown): T {
  const checked = schema.safeParse(input);
  if (checked.success) return checked.data;
  throw invalid(
    checked.error.issues.map(({ path, message }) => `${path.join('.') || 'citation'}: ${message}.`).join(' '),
  );
}

function invalid(problem: string): StackloreError {
  return new StackloreError('invalid_input', { message: `The citation cannot be checked. ${problem}` });
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
