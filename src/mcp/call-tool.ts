import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import type { z } from 'zod';
import { type ErrorCode, StackloreError } from '../errors.ts';
import type { Tool, ToolContext } from './tool.ts';

/** Carries a call out. An error is a result, too: its code, what happened and what to do next. Never throws. */
export async function callTool(
  tool: Tool,
  context: ToolContext,
  { input, onError }: { input: unknown; onError: (error: unknown) => void },
): Promise<CallToolResult> {
  try {
    const { data, text } = await tool.run(context, parseInput(tool, input));
    return { content: [{ type: 'text', text }], structuredContent: tool.output.parse(data) };
  } catch (error) {
    const { code, message } = describe(error);
    if (code === 'internal') onError(error);
    const text = `Error ${code}: ${message} ${NEXT_STEPS[code]}`;
    return { content: [{ type: 'text', text }], isError: true, _meta: { 'stacklore/code': code } };
  }
}

function parseInput(tool: Tool, input: unknown): z.output<Tool['input']> {
  const checked = tool.input.safeParse(input ?? {});
  if (checked.success) return checked.data;
  const problems = checked.error.issues.map(
    ({ path, message }) => `${path.join('.') || 'arguments'}: ${message}`,
  );
  throw new StackloreError('invalid_input', {
    message: `The arguments of ${tool.name} cannot be used. ${problems.join('; ').slice(0, 1_000)}.`,
  });
}

/** Of what nobody foresaw a client learns nothing but that it happened. */
function describe(error: unknown): Pick<StackloreError, 'code' | 'message'> {
  if (error instanceof StackloreError) return error;
  return { code: 'internal', message: "Something went wrong here that is not the call's fault." };
}

const CORRECT = 'Correct the arguments and call again.';
const LOOK = 'Call list_collections to see what there is.';
const OPERATOR = 'Trying again will not help: tell the person who runs this server.';
const LATER = 'Try again in a moment; if it goes on, tell the person who runs this server.';
const OTHER_TEXT = 'Change or shorten the text and call again.';

/** What a model can do about an error; the messages themselves often speak to the person at the command line. */
const NEXT_STEPS = {
  invalid_input: CORRECT,
  invalid_config: OPERATOR,
  invalid_filter: `${CORRECT} list_collections tells the fields of each collection: name those that have them.`,
  invalid_vector: OPERATOR,
  not_found: LOOK,
  already_exists: CORRECT,
  dimension_mismatch: OPERATOR,
  manifest_mismatch: 'Name other collections, or one at a time. list_collections tells the model of each.',
  record_invalid: OPERATOR,
  too_large: OTHER_TEXT,
  unsupported_type: OTHER_TEXT,
  parse_failed: OTHER_TEXT,
  source_unreadable: OPERATOR,
  url_refused: OPERATOR,
  fetch_failed: LATER,
  embedding_failed: OTHER_TEXT,
  model_unavailable: OPERATOR,
  server_unavailable: OPERATOR,
  server_failed: OPERATOR,
  search_unavailable: OPERATOR,
  query_timeout: 'Ask for less: a smaller topK, fewer collections, or a filter.',
  database_unreachable: LATER,
  database_timeout: LATER,
  database_auth: OPERATOR,
  database_readonly: OPERATOR,
  database_full: OPERATOR,
  database_error: LATER,
  archive_invalid: OPERATOR,
  archive_unwritable: OPERATOR,
  busy: LATER,
  rate_limited: LATER,
  unauthorized: OPERATOR,
  aborted: 'It was cancelled.',
  internal: LATER,
} satisfies Record<ErrorCode, string>;
