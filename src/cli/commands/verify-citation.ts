import { text } from 'node:stream/consumers';
import { z } from 'zod';
import { type ErrorCode, StackloreError } from '../../errors.ts';
import type { CitationCheck, CitationInput } from '../../maintenance/verify-citation.ts';
import { defineCommand } from '../command.ts';
import { wholeNumber } from '../flag-values.ts';

export const command = defineCommand({
  summary:
    'Say whether what was cited still stands in its document: unchanged, moved, changed, gone or unreadable. Exits with 1 for the last three, and for a citation of a list that cannot be checked (invalid).',
  arguments: '<docId>',
  flags: [
    { flags: '--start <number>', description: 'where the cited text begins, in UTF-16 units' },
    { flags: '--end <number>', description: 'where it ends' },
    { flags: '--content-hash <hash>', description: 'content hash of the document when it was cited' },
    { flags: '--text <text>', description: 'the cited text' },
    { flags: '--source', description: 'compare with the file or URL, read anew, instead of what is stored' },
    { flags: '--base <folder>', description: 'folder that relative sources are below' },
    { flags: '--allow-private', description: 'allow URLs of private networks' },
  ],
  schema: z.strictObject({
    start: wholeNumber(0).optional(),
    end: wholeNumber(0).optional(),
    contentHash: z.string().optional(),
    text: z.string().optional(),
    source: z.boolean().default(false),
    base: z.string().optional(),
    allowPrivate: z.boolean().default(false),
  }),
  examples: [
    'stacklore verify-citation 8f14e45f --start 120 --end 480 --source',
    'stacklore context "how do sessions expire?" --json | stacklore verify-citation -',
  ],
  async run({ lore, terminal }, [docId = ''], { source, base, allowPrivate, ...flags }) {
    const given = Object.values(flags).some((value) => value !== undefined);
    if (docId === '-' && given) {
      throw new StackloreError('invalid_input', {
        message: '- reads whole citations. Leave out --start, --end, --content-hash and --text.',
      });
    }
    const read = { allowPrivate, ...(base !== undefined && { base }) };
    const verify = (citation: CitationInput) => lore().verifyCitation(citation, { source, read });
    const checks: ListedCheck[] = [];
    if (docId !== '-') checks.push(await verify({ docId, ...flags }));
    else
      for (const one of citationsOf(await text(terminal.stdin))) checks.push(await verifyListed(one, verify));
    const lost = checks.filter(({ status }) => status !== 'unchanged' && status !== 'moved');
    return {
      data: { checks },
      lines: checks.map((check) => `${check.status.padEnd(10)}  ${check.docId ?? '?'}  ${check.reason}`),
      exitCode: lost.length > 0 ? 1 : 0,
    };
  },
});

/** What became of a citation of a list, or why it cannot be checked. */
type ListedCheck =
  | CitationCheck
  | { readonly status: 'invalid'; readonly docId?: string; readonly reason: string };

/** Checks one of several: what is wrong with it must not keep the others from being checked. */
async function verifyListed(
  citation: CitationInput,
  verify: (citation: CitationInput) => Promise<CitationCheck>,
): Promise<ListedCheck> {
  try {
    return await verify(citation);
  } catch (error) {
    if (!(error instanceof StackloreError && PER_ITEM.includes(error.code))) throw error;
    const { docId } = isObject(citation) ? citation : {};
    return { status: 'invalid', ...(typeof docId === 'string' && { docId }), reason: error.message };
  }
}

/** Errors of one citation, or of the document it is of. */
const PER_ITEM: readonly ErrorCode[] = ['invalid_input', 'record_invalid'];

/** A citation, a list of them, or the answer of `stacklore context --json`; what is in them is checked one by one. */
function citationsOf(json: string): CitationInput[] {
  try {
    const value: unknown = JSON.parse(json);
    const citations = isObject(value) && Array.isArray(value.citations) ? value.citations : value;
    const list: unknown[] = Array.isArray(citations) ? citations : [citations];
    if (list.some(isObject)) return list as CitationInput[];
  } catch {
    // Said below, together with JSON that is something else.
  }
  throw new StackloreError('invalid_input', {
    message:
      'Standard input holds no citation. Give the JSON of one, of a list, or what stacklore context --json printed.',
  });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
