/** Every way stacklore refuses or fails, as one closed union: HTTP and the CLI map each to a status or an exit code. */
export type ErrorCode =
  | 'invalid_input'
  | 'invalid_config'
  | 'invalid_filter'
  | 'invalid_vector'
  | 'not_found'
  | 'already_exists'
  | 'dimension_mismatch'
  | 'manifest_mismatch'
  | 'record_invalid'
  | 'too_large'
  | 'unsupported_type'
  | 'parse_failed'
  | 'source_unreadable'
  | 'url_refused'
  | 'fetch_failed'
  | 'embedding_failed'
  | 'model_unavailable'
  | 'server_unavailable'
  | 'server_failed'
  | 'search_unavailable'
  | 'query_timeout'
  | 'database_unreachable'
  | 'database_timeout'
  | 'database_auth'
  | 'database_readonly'
  | 'database_full'
  | 'database_error'
  | 'archive_invalid'
  | 'archive_unwritable'
  | 'busy'
  | 'unauthorized'
  | 'rate_limited'
  | 'aborted'
  | 'internal';

/** The one error type callers see: a stable `code`, and a message that says what to do next. */
export class StackloreError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, { message, cause }: { message: string; cause?: unknown }) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'StackloreError';
    this.code = code;
  }
}

/** One field of a stored record that could not be read or written. */
export interface FieldIssue {
  readonly field: string;
  readonly message: string;
  /** The field holds what only a later version of stacklore can have written. */
  readonly isNewer?: boolean;
}

/** A stored record that does not follow its declaration; names the key and every bad field. */
export class RecordError extends StackloreError {
  readonly key: string;
  readonly issues: readonly FieldIssue[];
  /** Nothing is wrong with it: a later version of stacklore has written it. */
  readonly isNewer: boolean;

  constructor(key: string, issues: readonly FieldIssue[]) {
    const fields = issues.map((issue) => `${issue.field}: ${issue.message}`).join('; ');
    const isNewer = issues.some((issue) => issue.isNewer);
    super('record_invalid', {
      message: isNewer
        ? `The record at "${key}" was written by a newer version of stacklore (${fields}). Update stacklore here to the version of those who share this server.`
        : `The record at "${key}" cannot be used (${fields}). Correct or delete that key.`,
    });
    this.name = 'RecordError';
    this.key = key;
    this.issues = issues;
    this.isNewer = isNewer;
  }
}

/** The text of any thrown value, for messages that quote a cause. */
export function errorMessage(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) {
    return error.errors.map(errorMessage).join('; ');
  }
  return error instanceof Error ? (fileProblem(error) ?? error.message) : String(error);
}

/** What the file system's commonest refusals mean, in words. */
const FILE_PROBLEMS: Readonly<Record<string, string>> = {
  EISDIR: 'it is a folder, not a file',
  EEXIST: 'a file of that name is there',
  ENOENT: 'there is no such file or folder',
  ENOTDIR: 'a file stands where a folder is meant',
};

function fileProblem(error: Error): string | undefined {
  const code = 'code' in error ? String(error.code) : '';
  const words = error.message.startsWith(`${code}: `) ? FILE_PROBLEMS[code] : undefined;
  if (words === undefined) return undefined;
  return 'path' in error ? `${words}: ${error.path}` : words;
}
