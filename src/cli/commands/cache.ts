import { z } from 'zod';
import { StackloreError } from '../../errors.ts';
import { type Command, defineCommand } from '../command.ts';
import { counted, table } from '../format.ts';

const ENDPOINT_FLAGS = [
  { flags: '--endpoint <text>', description: 'what is called; its hash stands in the key' },
  { flags: '--endpoint-name <name>', description: 'what stands in the key itself, e.g. search or health' },
];
const textFlag = z.string().min(1, 'must not be empty').optional();
const endpointFlags = { endpoint: textFlag, endpointName: textFlag };

/** What is said when not exactly one of the two is given. */
const ONE_ENDPOINT = { path: ['endpoint'], error: 'give either this or --endpoint-name' };

function namesOneEndpoint({ endpoint, endpointName }: Readonly<Record<string, unknown>>): boolean {
  return (endpoint === undefined) !== (endpointName === undefined);
}

const stats = defineCommand({
  summary: 'Count hits and misses, and the answers kept for each endpoint.',
  flags: [],
  schema: z.strictObject({}),
  async run({ lore }) {
    const counts = await lore().responseCache.stats();
    const { hits, misses, entries, endpoints } = counts;
    const asked = hits + misses;
    const share = asked === 0 ? '' : ` (${((hits / asked) * 100).toFixed(1)} % hits)`;
    const rows = endpoints.map((one) => [one.endpoint, String(one.entries)]);
    return {
      data: counts,
      lines: [
        `${counted(hits, 'hit')}, ${misses} misses${share}, ${counted(entries, 'answer')} kept`,
        ...(rows.length === 0 ? [] : table(['endpoint', 'answers'], rows)),
      ],
    };
  },
});

const get = defineCommand({
  summary: 'Show a cached answer and how long it is kept.',
  flags: [
    ...ENDPOINT_FLAGS,
    { flags: '--params <json>', description: 'the parameters; the order of keys makes no difference' },
    { flags: '--params-name <name>', description: 'what stands in the key itself (default)' },
  ],
  schema: z
    .strictObject({
      ...endpointFlags,
      params: z.string().transform(parseParams).optional(),
      paramsName: textFlag,
    })
    .refine(namesOneEndpoint, ONE_ENDPOINT)
    .refine(({ params, paramsName }) => params === undefined || paramsName === undefined, {
      path: ['params'],
      error: 'cannot be given together with --params-name',
    }),
  examples: ['stacklore cache get --endpoint-name health'],
  async run({ lore }, _args, address) {
    const body = await lore().responseCache.get(address);
    const left = body.ttlSeconds === undefined ? 'no TTL' : `${body.ttlSeconds} s left`;
    return { data: body, lines: [`${body.key} (${left})`, JSON.stringify(body.value, null, 2)] };
  },
});

const invalidate = defineCommand({
  summary: 'Forget all answers of one endpoint.',
  flags: ENDPOINT_FLAGS,
  schema: z.strictObject(endpointFlags).refine(namesOneEndpoint, ONE_ENDPOINT),
  examples: ['stacklore cache invalidate --endpoint-name search'],
  async run({ lore }, _args, endpoint) {
    const removed = await lore().responseCache.invalidate(endpoint);
    return { data: { removed }, lines: [`Forgot ${removed} answers.`] };
  },
});

const clear = defineCommand({
  summary: 'Forget all answers of all endpoints.',
  flags: [{ flags: '--yes', description: 'really delete; without it only say what would go' }],
  schema: z.strictObject({ yes: z.boolean().default(false) }),
  async run({ lore }, _args, { yes }) {
    if (!yes) {
      const { entries } = await lore().responseCache.stats();
      throw new StackloreError('invalid_input', {
        message: `Nothing was deleted. ${entries} cached answers would be: repeat with --yes.`,
      });
    }
    const removed = await lore().responseCache.clear();
    return { data: { removed }, lines: [`Forgot ${removed} answers.`] };
  },
});

export const commands: Record<string, Command> = { stats, get, invalidate, clear };

function parseParams(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new StackloreError('invalid_input', {
      message: '--params takes JSON, e.g. \'{"verbose":true}\'. For a readable name use --params-name.',
      cause,
    });
  }
}
