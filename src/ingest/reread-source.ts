import { hash as digest } from 'node:crypto';
import { isAbsolute, resolve } from 'node:path';
import { StackloreError } from '../errors.ts';
import type { StoredDocument } from '../stores/knowledge/document.ts';
import { normaliseUrl } from './fetch-url.ts';
import type { Block } from './parse/document.ts';
import { type ParseOptions, parseSource } from './parse/parse-source.ts';
import { fileRef, type ReadOptions, readSource, type SourceRef, urlRef } from './read-source.ts';
import type { SourceProblem } from './source.ts';

/** What says where a document came from; `origin` and `container` are known of stored documents. */
export type Provenance = Pick<StoredDocument, 'source'> &
  Partial<Pick<StoredDocument, 'docId' | 'origin' | 'container' | 'metadata'>>;

/** How a source is read and understood, as when it was ingested. */
export interface RereadOptions {
  readonly read?: ReadOptions;
  readonly parse?: ParseOptions;
}

/** The text of a document as its source has it now, its content hash, and its structure. */
export interface Reread {
  readonly text: string;
  readonly hash: string;
  readonly blocks: readonly Block[];
}

/** Why a source has a document no more, as a sentence. */
export interface Vanished {
  readonly vanished: string;
}

/**
 * Reads a document anew from the file or URL it came from; nothing is stored. Tells why where the source, or the row of
 * it that was the document, is no more, or nothing that could be text is left in it. Throws `invalid_input` for documents of programs and of standard input,
 * and what reading and parsing throw.
 */
export async function rereadSource(
  document: Provenance,
  { read = {}, parse = {} }: RereadOptions = {},
): Promise<Reread | Vanished> {
  const { source, container, metadata } = document;
  let problem: SourceProblem | undefined;
  try {
    const parsed = parseSource(await readSource(refOf(document, read), read), parse);
    for await (const found of parsed) {
      if ('status' in found) {
        if (found.source === source || found.source === container) problem ??= found;
        continue;
      }
      // A row with an id of its own is found wherever it stands now.
      const own = found.docId === undefined ? undefined : found.docId === metadata?._id;
      if (own ?? (container === undefined || found.source === source)) {
        return { text: found.text, hash: digest('sha256', found.text), blocks: found.blocks };
      }
    }
  } catch (error) {
    if (!isGone(error)) throw error;
  }
  if (problem?.status === 'failed') throw new StackloreError(problem.code, { message: problem.reason });
  return {
    vanished: problem ? `The source holds no document any more. ${problem.reason}` : 'The source is gone.',
  };
}

function refOf(
  { source, container = source, origin }: Provenance,
  { base, cwd = '.' }: ReadOptions,
): SourceRef {
  const isUrl = /^https?:\/\//i.test(container);
  if (origin === 'url' || (origin === undefined && isUrl)) return urlRef(normaliseUrl(container));
  if (origin === 'file' || (origin === undefined && isAbsolute(container))) {
    return fileRef(resolve(cwd, base ?? '.', container), container);
  }
  throw new StackloreError('invalid_input', {
    message: `Document "${container}" came from a program or standard input, not from a file or URL that could be read again. Compare with what is stored instead.`,
  });
}

/** Whether reading failed because there is nothing any more, as opposed to what may be there again. */
function isGone(error: unknown): boolean {
  if (!(error instanceof StackloreError) || typeof error.cause !== 'object' || error.cause === null)
    return false;
  if ('statusCode' in error.cause) return error.cause.statusCode === 404 || error.cause.statusCode === 410;
  return 'code' in error.cause && (error.cause.code === 'ENOENT' || error.cause.code === 'ENOTDIR');
}
