import { lookup } from 'node:dns';
import { readFileSync } from 'node:fs';
import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { isIP, type LookupFunction, type Socket } from 'node:net';
import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate, inflateRaw } from 'node:zlib';
import { errorMessage, StackloreError } from '../errors.ts';
import { isPublicAddress } from './public-address.ts';
import { DEFAULT_MAX_BYTES, type ReadOptions, tooLarge } from './source.ts';

/** What a URL gave. */
export interface FetchedUrl {
  /** The URL that answered, after redirects. */
  readonly url: string;
  readonly bytes: Buffer;
  readonly contentType?: string;
  readonly modifiedAt?: Date;
}

const MAX_REDIRECTS = 5;
const DEFAULT_TIMEOUT_MS = 30_000;
const DEFAULT_CONNECT_TIMEOUT_MS = 5_000;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/** A URL as it names a source: host in lower case, no default port, no fragment. Throws `url_refused`. */
export function normaliseUrl(input: string): URL {
  const url = URL.canParse(input) ? new URL(input) : undefined;
  const shown = withoutCredentials(input);
  if (url === undefined) throw refuse(shown, 'it is not a valid URL. Check its spelling.');
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw refuse(shown, 'only http and https are read. Give the file itself.');
  }
  if (url.username !== '' || url.password !== '') {
    throw refuse(shown, 'a user name or password in it would be stored with the document. Leave them out.');
  }
  url.hash = '';
  return url;
}

/** A URL as it may be shown: without a user name and password. */
export function withoutCredentials(url: string): string {
  return url.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/?#]*@/i, '$1');
}

/**
 * Fetches a URL within limits of size, time and redirects. Every address is checked at the moment of connecting to
 * it, so neither a redirect nor a changing name leads to a private network. Throws `url_refused`, `fetch_failed` or
 * `too_large`.
 */
export async function fetchUrl(input: string, options: ReadOptions = {}): Promise<FetchedUrl> {
  const timeoutMs = options.fetchTimeoutMs ?? DEFAULT_TIMEOUT_MS;
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), timeoutMs);
  const stop = (): void => deadline.abort();
  options.signal?.addEventListener('abort', stop, { once: true });
  if (options.signal?.aborted) deadline.abort();
  try {
    return await followRedirects(normaliseUrl(input), { ...options, signal: deadline.signal });
  } catch (cause) {
    if (options.signal?.aborted) {
      throw new StackloreError('aborted', {
        message: `Fetching ${withoutCredentials(input)} was stopped.`,
        cause,
      });
    }
    if (cause instanceof StackloreError) throw cause;
    const isLate = deadline.signal.aborted;
    const reason = isLate ? `it took longer than ${timeoutMs} ms` : errorMessage(cause);
    throw fetchFailed(withoutCredentials(input), reason, cause);
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener('abort', stop);
  }
}

async function followRedirects(first: URL, options: ReadOptions): Promise<FetchedUrl> {
  let url = first;
  for (let redirects = 0; ; redirects += 1) {
    const response = await sendRequest(url, options);
    const { statusCode = 0, headers } = response;
    if (REDIRECTS.has(statusCode) && headers.location !== undefined) {
      response.destroy();
      if (redirects === MAX_REDIRECTS)
        throw fetchFailed(first.href, `it redirects more than ${MAX_REDIRECTS} times`);
      if (!URL.canParse(headers.location, url.href))
        throw fetchFailed(url.href, 'it redirects to an invalid URL');
      url = normaliseUrl(new URL(headers.location, url).href);
      continue;
    }
    if (statusCode < 200 || statusCode > 299) {
      response.destroy();
      throw fetchFailed(url.href, `the server answered with status ${statusCode}`, { statusCode });
    }
    return await readResponse(url, response, options.maxBytes ?? DEFAULT_MAX_BYTES);
  }
}

function sendRequest(url: URL, options: ReadOptions): Promise<IncomingMessage> {
  const mayConnect = connectionRule(options);
  return new Promise((resolve, reject) => {
    const host = url.hostname.replace(/^\[|\]$/g, '');
    // A host that is an address already is connected to without any look-up.
    if (isIP(host) !== 0 && !mayConnect(host, url)) return reject(refusePrivate(url, host));
    const send = url.protocol === 'https:' ? requestHttps : requestHttp;
    const request = send(url, {
      agent: false,
      headers: { 'user-agent': userAgent(), accept: '*/*', 'accept-encoding': 'gzip, deflate, br' },
      lookup: checkedLookup(url, mayConnect),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
    request.on('socket', (socket) => limitConnecting(socket, url, options));
    request.on('response', resolve).on('error', reject).end();
  });
}

function userAgent(): string {
  const path = new URL('../../package.json', import.meta.url);
  const { version } = JSON.parse(readFileSync(path, 'utf8')) as { version: string };
  return `stacklore/${version}`;
}

function connectionRule({
  allowPrivate = false,
  mayConnect,
}: ReadOptions): (address: string, url: URL) => boolean {
  return mayConnect ?? ((address) => allowPrivate || isPublicAddress(address));
}

/** Resolves a name to the addresses that may be connected to; the connection goes to one of exactly these. */
function checkedLookup(url: URL, mayConnect: (address: string, url: URL) => boolean): LookupFunction {
  return (hostname, { family, hints, all }, callback) => {
    lookup(
      hostname,
      { ...(family === undefined ? {} : { family }), ...(hints === undefined ? {} : { hints }), all: true },
      (error, found) => {
        if (error) return callback(error, '');
        const allowed = found.filter(({ address }) => mayConnect(address, url));
        const [first] = allowed;
        if (first === undefined)
          return callback(refusePrivate(url, found.map(({ address }) => address).join(', ')), '');
        if (all) callback(null, allowed);
        else callback(null, first.address, first.family);
      },
    );
  };
}

function limitConnecting(
  socket: Socket,
  url: URL,
  { connectTimeoutMs = DEFAULT_CONNECT_TIMEOUT_MS }: ReadOptions,
): void {
  const timer = setTimeout(() => {
    socket.destroy(new Error(`no connection within ${connectTimeoutMs} ms`));
  }, connectTimeoutMs);
  const done = (): void => clearTimeout(timer);
  socket.once(url.protocol === 'https:' ? 'secureConnect' : 'connect', done).once('close', done);
}

async function readResponse(url: URL, response: IncomingMessage, maxBytes: number): Promise<FetchedUrl> {
  const { headers } = response;
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > maxBytes) {
      response.destroy();
      throw tooLarge(url.href, maxBytes);
    }
    parts.push(part);
  }
  const bytes = await decode(url, Buffer.concat(parts), { encoding: headers['content-encoding'], maxBytes });
  const modified = new Date(headers['last-modified'] ?? '');
  return {
    url: url.href,
    bytes,
    ...(headers['content-type'] === undefined ? {} : { contentType: headers['content-type'] }),
    ...(Number.isNaN(modified.getTime()) ? {} : { modifiedAt: modified }),
  };
}

interface Encoded {
  readonly encoding: string | undefined;
  readonly maxBytes: number;
}

/** Undoes a content encoding; the size limit holds for what comes out. */
export async function decode(url: URL, bytes: Buffer, { encoding, maxBytes }: Encoded): Promise<Buffer> {
  const name = encoding?.trim().toLowerCase() ?? 'identity';
  if (name === 'identity' || name === '' || bytes.length === 0) return bytes;
  const limit = { maxOutputLength: maxBytes };
  try {
    if (name === 'gzip' || name === 'x-gzip') return await promisify(gunzip)(bytes, limit);
    if (name === 'br') return await promisify(brotliDecompress)(bytes, limit);
    if (name === 'deflate') {
      // The name stands for zlib's format, but some servers send the bare stream.
      const hasHeader = (bytes.readUInt8(0) & 0x0f) === 8;
      return await (hasHeader ? promisify(inflate) : promisify(inflateRaw))(bytes, limit);
    }
  } catch (cause) {
    if (cause instanceof RangeError) throw tooLarge(url.href, maxBytes);
    throw fetchFailed(url.href, `its ${name} encoding is damaged`, cause);
  }
  throw fetchFailed(url.href, `its encoding "${name}" is not known`);
}

function fetchFailed(url: string, reason: string, cause?: unknown): StackloreError {
  return new StackloreError('fetch_failed', {
    message: `${url} cannot be fetched: ${reason}. Check the address, or fetch it by other means and give the file.`,
    cause,
  });
}

function refuse(url: string, reason: string): StackloreError {
  return new StackloreError('url_refused', {
    message: `${url} is refused: ${reason}`,
  });
}

function refusePrivate(url: URL, address: string): StackloreError {
  return new StackloreError('url_refused', {
    message: `${url.href} is refused: ${address} is not a public address. Allow it with --allow-private.`,
  });
}
