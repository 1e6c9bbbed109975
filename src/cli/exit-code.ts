import type { ErrorCode } from '../errors.ts';

const USAGE = 2;
const UNAVAILABLE = 3;

/** The process exit code for each error: 1 it did not work, 2 the call is wrong, 3 a server or model is out of reach. */
export const EXIT_CODES = {
  invalid_input: USAGE,
  invalid_config: USAGE,
  invalid_filter: USAGE,
  invalid_vector: USAGE,
  not_found: 1,
  already_exists: 1,
  dimension_mismatch: 1,
  manifest_mismatch: 1,
  record_invalid: 1,
  too_large: USAGE,
  unsupported_type: 1,
  parse_failed: 1,
  source_unreadable: 1,
  url_refused: 1,
  fetch_failed: 1,
  embedding_failed: 1,
  model_unavailable: UNAVAILABLE,
  server_unavailable: UNAVAILABLE,
  server_failed: UNAVAILABLE,
  search_unavailable: UNAVAILABLE,
  query_timeout: 1,
  database_unreachable: UNAVAILABLE,
  database_timeout: UNAVAILABLE,
  database_auth: UNAVAILABLE,
  database_readonly: UNAVAILABLE,
  database_full: UNAVAILABLE,
  database_error: 1,
  archive_invalid: 1,
  archive_unwritable: 1,
  busy: 1,
  unauthorized: 1,
  rate_limited: 1,
  aborted: 130,
  internal: 1,
} satisfies Record<ErrorCode, number>;
