import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { errorMessage, StackloreError } from '../errors.ts';
import { isFolderProblem } from './folder-problem.ts';

/** Where a download goes and what it must be. */
export interface DownloadOptions {
  /** The finished file's path; it appears there only when whole and checked. */
  readonly to: string;
  readonly maxBytes: number;
  /** Allowed contents; anything goes when absent. */
  readonly sha256?: readonly string[];
  /** Time until the answer's headers are here, redirects included. */
  readonly connectTimeoutMs: number;
  /** Longest silence while the body comes; 30 s by default. */
  readonly idleTimeoutMs?: number;
  readonly onProgress?: (bytes: number, totalBytes: number | undefined) => void;
}

/** What came: its size and hash. */
export interface DownloadedFile {
  readonly bytes: number;
  readonly sha256: string;
}

/**
 * Streams a URL into a file, checked by size and hash; a user and password in it are sent as basic authorization.
 * `undefined` when the server says 404; any other failure throws `fetch_failed` (`too_large` above `maxBytes`, the
 * system's error where the file cannot be written) and leaves no file.
 */
export async function downloadFile(
  url: string,
  options: DownloadOptions,
): Promise<DownloadedFile | undefined> {
  const abort = new AbortController();
  const response = await request(url, options.connectTimeoutMs, abort);
  if (!response.ok || !response.body) {
    await response.body?.cancel();
    if (response.status === 404) return undefined;
    throw failed(`${shown(url)} answered ${response.status}`);
  }
  const part = `${options.to}.part`;
  try {
    const file = await receive(response, part, { ...options, url, abort });
    if (options.sha256 && !options.sha256.includes(file.sha256)) {
      throw failed(`${shown(url)} gave other content than expected (sha256 ${file.sha256})`);
    }
    await rename(part, options.to);
    return file;
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
}

/** The sha256 of a file in hexadecimal, read as a stream. */
export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1_048_576 }), hash);
  return hash.digest('hex');
}

async function request(url: string, timeoutMs: number, abort: AbortController): Promise<Response> {
  const timer = setTimeout(() => abort.abort(), timeoutMs);
  try {
    return await fetch(withoutCredentials(url), {
      headers: authorization(url),
      signal: abort.signal,
      redirect: 'follow',
    });
  } catch (error) {
    const why = abort.signal.aborted
      ? `gave no answer within ${timeoutMs / 1_000} s`
      : `cannot be reached (${errorMessage(error instanceof Error ? (error.cause ?? error) : error)})`;
    throw failed(`${new URL(url).host} ${why}`);
  } finally {
    clearTimeout(timer);
  }
}

/** `fetch` refuses a URL that holds a user or password, and quotes it whole. */
function withoutCredentials(url: string): URL {
  return Object.assign(new URL(url), { username: '', password: '' });
}

function authorization(url: string): Record<string, string> {
  const { username, password } = new URL(url);
  if (username === '' && password === '') return {};
  const pair = `${decode(username)}:${decode(password)}`;
  return { authorization: `Basic ${Buffer.from(pair).toString('base64')}` };
}

/** A `%` that begins no escape stands for itself. */
function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

interface Reception extends DownloadOptions {
  readonly url: string;
  readonly abort: AbortController;
}

async function receive(response: Response, part: string, reception: Reception): Promise<DownloadedFile> {
  const { url, abort, maxBytes, idleTimeoutMs = 30_000, onProgress } = reception;
  const totalBytes = contentLength(response);
  if (totalBytes !== undefined && totalBytes > maxBytes) {
    abort.abort();
    throw tooLarge(url, maxBytes);
  }
  // Opened before anything can break off: a stream that opens it itself may create the file after it was removed.
  const file = await open(part, 'w');
  const hash = createHash('sha256');
  let bytes = 0;
  const idle = setTimeout(() => abort.abort(), idleTimeoutMs);
  try {
    // The type of `fetch`'s body comes from another declaration than the one `fromWeb` takes.
    const body = Readable.fromWeb(response.body as Parameters<typeof Readable.fromWeb>[0]);
    await pipeline(
      body,
      async function* (chunks: AsyncIterable<Buffer>) {
        for await (const chunk of chunks) {
          idle.refresh();
          bytes += chunk.length;
          if (bytes > maxBytes) throw tooLarge(url, maxBytes);
          hash.update(chunk);
          onProgress?.(bytes, totalBytes);
          yield chunk;
        }
      },
      file.createWriteStream(),
    );
  } catch (error) {
    if (error instanceof StackloreError || isFolderProblem(error)) throw error;
    throw abort.signal.aborted
      ? failed(`${shown(url)} stopped sending after ${bytes} bytes`)
      : failed(`${shown(url)} broke off after ${bytes} bytes (${errorMessage(error)})`, error);
  } finally {
    clearTimeout(idle);
    await file.close().catch(() => undefined); // closed by the stream already, unless that never began
  }
  return { bytes, sha256: hash.digest('hex') };
}

/** Absent for a packed answer, whose length says nothing about the content's. */
function contentLength(response: Response): number | undefined {
  const header = response.headers.get('content-length');
  return header === null || response.headers.has('content-encoding') ? undefined : Number(header);
}

/** Without the query, where mirrors keep tokens, and without a user and password. */
function shown(url: string): string {
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname}`;
}

function failed(message: string, cause?: unknown): StackloreError {
  return new StackloreError('fetch_failed', { message, cause });
}

function tooLarge(url: string, maxBytes: number): StackloreError {
  return new StackloreError('too_large', { message: `${shown(url)} is larger than ${maxBytes} bytes` });
}
