import { z } from 'zod';
import type { Usage } from '../../schema/analytics.ts';
import { type Command, defineCommand } from '../command.ts';
import { dateFlag, wholeNumber } from '../flag-values.ts';
import { table } from '../format.ts';

const HEADER = ['requests', 'tokens in', 'tokens out', 'llm calls', 'kb queries'];
const amount = wholeNumber(0, 1_000_000_000_000).optional();

const user = defineCommand({
  summary: 'Show what a user used, day by day.',
  arguments: '<userId>',
  flags: [
    { flags: '--from <date>', description: 'day it begins with (30 days ago)' },
    { flags: '--to <date>', description: 'day it ends with (today)' },
  ],
  schema: z.strictObject({ from: dateFlag().optional(), to: dateFlag().optional() }),
  examples: ['stacklore usage user anonymous --from 2025-01-01'],
  async run({ lore }, [userId = ''], { from, to }) {
    const range = await lore().usage.rangeOfUser(userId, {
      from: from ?? new Date(Date.now() - MONTH_MS),
      to,
    });
    const rows = range.days.map((day) => [day.date, ...cells(day)]);
    const lines = table(['date', ...HEADER], [...rows, ['total', ...cells(range.total)]]);
    return { data: range, lines: [...lines, ...range.unreadable.map(({ problem }) => problem)] };
  },
});

const MONTH_MS = 30 * 86_400_000;

const day = defineCommand({
  summary: 'List what users used on a day.',
  arguments: '[date]',
  flags: [
    { flags: '--offset <number>', description: 'skip this many' },
    { flags: '--limit <number>', description: 'show at most this many (100)' },
  ],
  schema: z.strictObject({
    offset: wholeNumber(0).default(0),
    limit: wholeNumber(1, 10_000).default(100),
  }),
  async run({ lore }, [date], page) {
    const users = await lore().usage.listDay(date, page);
    const rows = users.items.map((item) => [item.userId, ...cells(item)]);
    return {
      data: users,
      lines: [
        ...table(['user', ...HEADER], rows),
        ...users.unreadable.map(({ problem }) => problem),
        `${users.items.length} of ${users.total} users`,
      ],
    };
  },
});

const add = defineCommand({
  summary: "Add to a user's day.",
  arguments: '<userId>',
  flags: [
    { flags: '--requests <number>', description: 'requests made' },
    { flags: '--tokens-in <number>', description: 'tokens given to a model' },
    { flags: '--tokens-out <number>', description: 'tokens a model gave' },
    { flags: '--llm-calls <number>', description: 'calls of a model' },
    { flags: '--kb-queries <number>', description: 'queries of the knowledge base' },
    { flags: '--date <date>', description: 'the day (today)' },
  ],
  schema: z.strictObject({
    ...{ requests: amount, tokensIn: amount, tokensOut: amount, llmCalls: amount, kbQueries: amount },
    date: dateFlag().optional(),
  }),
  examples: ['stacklore usage add user_001 --llm-calls 1 --tokens-in 812 --tokens-out 95'],
  async run({ lore }, [userId = ''], { date, ...amounts }) {
    const { usage } = lore();
    await usage.add({ userId, ...(date !== undefined && { date }), ...withoutAbsent(amounts) });
    const found = await usage.get(userId, date);
    return { data: found, lines: table(['date', ...HEADER], [[found.date, ...cells(found)]]) };
  },
});

function withoutAbsent(amounts: Readonly<Record<string, number | undefined>>): Partial<Usage> {
  return Object.fromEntries(Object.entries(amounts).filter(([, value]) => value !== undefined));
}

function cells({ requests, tokensIn, tokensOut, llmCalls, kbQueries }: Usage): string[] {
  return [requests, tokensIn, tokensOut, llmCalls, kbQueries].map(String);
}

export const commands: Record<string, Command> = { user, day, add };
