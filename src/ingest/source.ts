import { type ErrorCode, errorMessage, StackloreError } from '../errors.ts';

/** Where a document can be read from, before anything is read. */
export interface SourceRef {
  readonly kind: 'file' | 'url' | 'stdin';
  /** Canonical: an absolute path (or one below `base`), a normalised URL, or the name given to standard input. */
  readonly source: string;
  /** What is opened: the absolute path or the URL. */
  readonly location: string;
  /** Base name, for titles and for telling types apart. */
  readonly name: string;
}

/** A source that was read. */
export interface Source {
  readonly source: string;
  readonly name: string;
  /** The media type a server named; a hint only. */
  readonly contentType?: string;
  /** All bytes; of a binary file that is not a document only the beginning. Let go once they are decoded. */
  bytes: Buffer;
  readonly modifiedAt?: Date;
}

/** A source, or a row of one, that gives no document: passed over on purpose, or failed. */
export interface SourceProblem {
  readonly source: string;
  readonly status: 'skipped' | 'failed';
  readonly code: ErrorCode;
  readonly reason: string;
}

/** How a source is found and read. */
export interface ReadOptions {
  /** Relative paths start here; by default the working folder. */
  readonly cwd?: string;
  /** Sources below this folder are named relative to it, with `/`. */
  readonly base?: string;
  /** Files that a `.gitignore` names are left out of folders and globs (true). */
  readonly gitignore?: boolean;
  /** Largest source, in bytes (20 MB). */
  readonly maxBytes?: number;
  /** What the input `-` reads. */
  readonly stdin?: AsyncIterable<Uint8Array | string>;
  /** The source name of standard input (`stdin`); an extension tells its type. */
  readonly stdinName?: string;
  /** Pages that one sitemap may add (1,000). */
  readonly maxPages?: number;
  /** Allows URLs of this machine and of private networks. */
  readonly allowPrivate?: boolean;
  /** Instead of `allowPrivate`: which addresses may be connected to for a URL. */
  readonly mayConnect?: (address: string, url: URL) => boolean;
  /** Limit of one URL, from its look-up to its last byte (30,000). */
  readonly fetchTimeoutMs?: number;
  /** Limit of one connection's set-up (5,000). */
  readonly connectTimeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** 20 MB: sources above it need `--max-bytes`. */
export const DEFAULT_MAX_BYTES = 20 * 1024 * 1024;

/** A problem that makes a run unsuccessful; any thrown value becomes one. */
export function failed(source: string, error: unknown): SourceProblem {
  const code = error instanceof StackloreError ? error.code : 'internal';
  return { source, status: 'failed', code, reason: errorMessage(error) };
}

/** A source passed over on purpose, with the reason. */
export function skipped(source: string, code: ErrorCode, reason: string): SourceProblem {
  return { source, status: 'skipped', code, reason };
}

/** The refusal of a source with more bytes than allowed. */
export function tooLarge(what: string, maxBytes: number): StackloreError {
  return new StackloreError('too_large', {
    message: `${what} is larger than ${maxBytes} bytes. Split it, or raise the limit with --max-bytes.`,
  });
}
