import { z } from 'zod';
import { type Command, defineCommand, type Outcome } from '../command.ts';
import { wholeNumber } from '../flag-values.ts';

const RATE_FLAGS = [
  { flags: '--limit <number>', description: "requests in a window, instead of the endpoint's" },
  { flags: '--window <seconds>', description: "length of the window, instead of the endpoint's" },
];
const rateFlags = {
  limit: wholeNumber(0, 1_000_000_000).optional(),
  window: wholeNumber(1, 31_622_400).optional(),
};

const hit = defineCommand({
  summary: 'Count a request of a client; exit code 1 when it is over the limit.',
  arguments: '<clientId> <endpoint>',
  flags: [...RATE_FLAGS, { flags: '--cost <number>', description: 'count it as so many requests (1)' }],
  schema: z.strictObject({ ...rateFlags, cost: wholeNumber(1, 1_000_000_000).optional() }),
  examples: ['stacklore ratelimit hit client_42 search --limit 10 --window 60'],
  async run({ lore }, [clientId = '', endpoint = ''], { limit, window, cost = 1 }) {
    const rate = { limit, windowSeconds: window };
    const decision = await lore().rateLimits.hit(clientId, endpoint, { ...rate, cost });
    return { ...described(decision), exitCode: decision.allowed ? 0 : 1 };
  },
});

const show = defineCommand({
  summary: 'Show what a client has left, without counting a request.',
  arguments: '<clientId> <endpoint>',
  flags: RATE_FLAGS,
  schema: z.strictObject(rateFlags),
  async run({ lore }, [clientId = '', endpoint = ''], { limit, window }) {
    return described(await lore().rateLimits.peek(clientId, endpoint, { limit, windowSeconds: window }));
  },
});

const reset = defineCommand({
  summary: "Forget a client's window at an endpoint.",
  arguments: '<clientId> <endpoint>',
  flags: [],
  schema: z.strictObject({}),
  async run({ lore }, [clientId = '', endpoint = '']) {
    const removed = await lore().rateLimits.reset(clientId, endpoint);
    const line = removed ? 'Forgot the window.' : 'No window was open.';
    return { data: { clientId, endpoint, removed }, lines: [line] };
  },
});

export const commands: Record<string, Command> = { hit, show, reset };

interface Described {
  readonly allowed: boolean;
  readonly limit: number;
  readonly remaining: number;
  readonly resetSeconds: number;
  readonly isDegraded: boolean;
}

function described(decision: Described): Outcome {
  const { allowed, limit, remaining, resetSeconds, isDegraded } = decision;
  const answer = allowed ? 'allowed' : 'refused';
  const window = resetSeconds === 0 ? 'no window open' : `the window ends in ${resetSeconds} s`;
  const line = isDegraded
    ? `${answer}: the main database is away, nothing was counted`
    : `${answer}: ${remaining} of ${limit} left, ${window}`;
  return { data: decision, lines: [line] };
}
