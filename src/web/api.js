/** @import { Api, RequestOptions } from './types.d.ts' */

/** What the server refused, in its words. `status` is 0 where no server answered. */
export class ApiError extends Error {
  /**
   * @param {string} message
   * @param {{ status: number, code: string }} problem
   */
  constructor(message, { status, code }) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
    this.code = code;
  }
}

/** Said to people: the server's own words tell programs what to send. */
const KEY_NEEDED = 'An API key is needed here. The command stacklore api-keys create makes one.';
/** Codes that say the server, or the database behind it, is away and may come back by itself. */
const AWAY = new Set(['database_unreachable', 'database_timeout', 'server_unavailable']);

/**
 * How the page asks the server. A missing or wrong key is asked for once for all requests that wait; a server that is
 * away is told to `onAway`.
 *
 * @param {object} parts
 * @param {{ token(): string | undefined, ask(problem: string): Promise<boolean> }} parts.keys
 * @param {(problem: string) => void} parts.onAway
 * @returns {Api}
 */
export function createApi({ keys, onAway }) {
  /**
   * @param {string} method
   * @param {string} path
   * @param {RequestOptions} [options]
   * @returns {Promise<Response>}
   */
  async function send(method, path, options = {}) {
    const token = keys.token();
    const response = await attempt(method, path, { ...options, token });
    if (response.ok) return response;
    const problem = await readProblem(response);
    if (problem.status === 401) {
      // Another request may have got a key meanwhile.
      if (keys.token() !== token || (await keys.ask(KEY_NEEDED))) return send(method, path, options);
    }
    if (AWAY.has(problem.code)) onAway(problem.message);
    throw problem;
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {RequestOptions & { token: string | undefined }} options
   */
  async function attempt(method, path, { body, query, signal, token }) {
    /** @type {Record<string, string>} */
    const headers = {};
    if (token) headers.authorization = `Bearer ${token}`;
    const isForm = body instanceof FormData;
    if (body !== undefined && !isForm) headers['content-type'] = 'application/json';
    try {
      return await fetch(path + queryText(query), {
        method,
        headers,
        signal: signal ?? null,
        body: isForm ? body : body === undefined ? null : JSON.stringify(body),
      });
    } catch (error) {
      if (signal?.aborted) throw error;
      const message = 'The server does not answer.';
      onAway(message);
      throw new ApiError(message, { status: 0, code: 'unreachable' });
    }
  }

  /** @param {string} method */
  const asking = (method) => async (/** @type {string} */ path, /** @type {RequestOptions} */ options) => {
    const response = await send(method, path, options);
    return response.status === 204 ? undefined : response.json();
  };
  return { send, get: asking('GET'), post: asking('POST'), delete: asking('DELETE') };
}

/** @param {RequestOptions['query']} query */
function queryText(query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== '');
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return text && `?${text}`;
}

/** @param {Response} response */
async function readProblem(response) {
  const { status } = response;
  const problem = await response.json().catch(() => ({}));
  return new ApiError(problem.detail ?? `The server answered ${status}.`, {
    status,
    code: problem.code ?? 'unknown',
  });
}

/**
 * What to tell of a failure; `undefined` for a request that was given up on purpose.
 *
 * @param {unknown} error
 */
export function problemText(error) {
  if (error instanceof DOMException && error.name === 'AbortError') return undefined;
  return error instanceof Error ? error.message : String(error);
}

/**
 * Whether a part of the API is not there, or not open to the key: both look the same.
 *
 * @param {unknown} error
 */
export function isAbsent(error) {
  return error instanceof ApiError && error.status === 404;
}
