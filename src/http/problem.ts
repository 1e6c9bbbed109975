import { type ErrorCode, errorMessage, RecordError, StackloreError } from '../errors.ts';

/** The HTTP status of each error. */
export const STATUS_CODES = {
  invalid_input: 400,
  invalid_config: 500,
  invalid_filter: 400,
  invalid_vector: 400,
  not_found: 404,
  already_exists: 409,
  dimension_mismatch: 409,
  manifest_mismatch: 409,
  record_invalid: 422,
  too_large: 413,
  unsupported_type: 415,
  parse_failed: 422,
  source_unreadable: 422,
  url_refused: 422,
  fetch_failed: 502,
  embedding_failed: 500,
  model_unavailable: 503,
  server_unavailable: 503,
  server_failed: 503,
  search_unavailable: 503,
  query_timeout: 504,
  database_unreachable: 503,
  database_timeout: 504,
  database_auth: 503,
  database_readonly: 503,
  database_full: 507,
  database_error: 502,
  archive_invalid: 422,
  archive_unwritable: 500,
  busy: 503,
  unauthorized: 401,
  rate_limited: 429,
  aborted: 499,
  internal: 500,
} satisfies Record<ErrorCode, number>;

/** Seconds after which what failed by load or by the database may be tried again. */
const RETRY_AFTER_SECONDS: Readonly<Partial<Record<ErrorCode, number>>> = {
  busy: 1,
  server_unavailable: 5,
  database_unreachable: 5,
  database_readonly: 5,
};

/** Problem details as RFC 9457 has them, with the stable `code` and the request's id beside. */
export interface Problem {
  /** `about:blank`, as the title says no more than the status. */
  readonly type: 'about:blank';
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: ErrorCode;
  readonly requestId: string;
  /** The fields that cannot be used, where a request was checked. */
  readonly issues?: readonly { readonly path: string; readonly message: string }[];
}

/** A request that does not follow its schema: which fields, and why. */
export class RequestError extends StackloreError {
  readonly issues: NonNullable<Problem['issues']>;

  constructor(issues: NonNullable<Problem['issues']>) {
    const said = issues.map(({ path, message }) => `${path || 'request'}: ${message}`).join('; ');
    super('invalid_input', { message: `The request cannot be used. ${said.slice(0, 1_000)}.` });
    this.name = 'RequestError';
    this.issues = issues;
  }
}

/** Who is told of a failure: `keyed` by an API key, `open` where none is needed, `unknown` before that is clear. */
export type Audience = 'keyed' | 'open' | 'unknown';

/**
 * What a failed request is answered with. To a key, what is absent says no more than what is denied; how the machine is
 * set up, such as addresses and folders, is told only where no key is needed.
 */
export function problemOf(
  error: unknown,
  { requestId, audience }: { readonly requestId: string; readonly audience: Audience },
): { readonly problem: Problem; readonly retryAfterSeconds?: number } {
  const known = toStackloreError(error);
  const status = STATUS_CODES[known.code];
  const retryAfterSeconds = RETRY_AFTER_SECONDS[known.code];
  return {
    problem: {
      type: 'about:blank',
      title: TITLES[status] ?? 'Error',
      status,
      detail: detailFor(known, audience),
      code: known.code,
      requestId,
      ...(known instanceof RequestError && { issues: known.issues }),
    },
    ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
  };
}

function detailFor({ code, message, cause }: StackloreError, audience: Audience): string {
  if (code === 'not_found' && audience === 'keyed') return HIDDEN;
  // Our own limits speak of the request; with a cause it is the database that is busy or late.
  const isOfRequest = STATUS_CODES[code] < 500 || (OF_REQUEST.includes(code) && cause === undefined);
  if (audience === 'open' || isOfRequest) return message;
  return 'The server cannot do this now. Its log has the reason under this request id.';
}

const OF_REQUEST: readonly ErrorCode[] = ['busy', 'query_timeout', 'internal'];

/** What is said of everything denied and, where a key is used, of everything absent. */
export const HIDDEN = 'There is no such thing, or this API key does not open it.';

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  404: 'Not Found',
  405: 'Method Not Allowed',
  409: 'Conflict',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  422: 'Unprocessable Content',
  429: 'Too Many Requests',
  499: 'Client Closed Request',
  500: 'Internal Server Error',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
  507: 'Insufficient Storage',
};

/** What Fastify itself refuses, in our codes. Its other refusals are of requests that cannot be read. */
const FRAMEWORK_CODES: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'too_large',
  FST_REQ_FILE_TOO_LARGE: 'too_large',
  FST_FILES_LIMIT: 'too_large',
  FST_PARTS_LIMIT: 'too_large',
  FST_FIELDS_LIMIT: 'too_large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported_type',
  FST_INVALID_MULTIPART_CONTENT_TYPE: 'unsupported_type',
};

/** What to do, where the framework says no more than that. */
const SAID: Readonly<Partial<Record<ErrorCode, string>>> = {
  unsupported_type:
    'This type of body is not read here. Send JSON with the header "Content-Type: application/json"; files go to POST /v1/documents as multipart/form-data.',
};

/** Any thrown value as one of our errors; of what nobody foresaw the caller learns nothing but that it happened. */
export function toStackloreError(error: unknown): StackloreError {
  if (error instanceof RecordError || error instanceof StackloreError) return error;
  if (isFrameworkError(error)) {
    const code = FRAMEWORK_CODES[error.code] ?? (error.statusCode < 500 ? 'invalid_input' : undefined);
    if (code)
      return new StackloreError(code, { message: SAID[code] ?? sentence(errorMessage(error)), cause: error });
  }
  return new StackloreError('internal', {
    message:
      "Something went wrong here that is not your request's fault. The log has it under this request id.",
    cause: error,
  });
}

function isFrameworkError(error: unknown): error is Error & { code: string; statusCode: number } {
  return (
    error instanceof Error &&
    'statusCode' in error &&
    typeof error.statusCode === 'number' &&
    (!('code' in error) || typeof error.code === 'string')
  );
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
