import { z } from 'zod';
import { type Command, defineCommand } from '../command.ts';
import { wholeNumber } from '../flag-values.ts';
import { table } from '../format.ts';

const increment = defineCommand({
  summary: 'Count an event in the windows of a minute, an hour and a day.',
  arguments: '<metric>',
  flags: [
    { flags: '--by <number>', description: 'count it as so many (1)' },
    {
      flags: '--window <window>',
      description: '1min, 1hour or 1day; may be repeated (all three)',
      isList: true,
    },
  ],
  schema: z.strictObject({
    by: wholeNumber(1, 1_000_000_000_000).optional(),
    window: z.array(z.enum(['1min', '1hour', '1day'], { error: 'must be 1min, 1hour or 1day' })).optional(),
  }),
  examples: ['stacklore counters increment logins --window 1min --window 1day'],
  async run({ lore }, [metric = ''], { by, window: windows }) {
    const counts = await lore().counters.increment(metric, { by, windows });
    const lines = Object.entries(counts).map(([window, count]) => `${window}: ${count}`);
    return { data: { metric, counts }, lines };
  },
});

const show = defineCommand({
  summary: 'Show the counters of one or several metrics.',
  arguments: '<metrics...>',
  flags: [],
  schema: z.strictObject({}),
  async run({ lore }, metrics) {
    return described(await lore().counters.read(metrics));
  },
});

const list = defineCommand({
  summary: 'List every counter whose window is open.',
  flags: [],
  schema: z.strictObject({}),
  async run({ lore }) {
    return described(await lore().counters.list());
  },
});

const reset = defineCommand({
  summary: 'End the windows of a metric.',
  arguments: '<metric>',
  flags: [],
  schema: z.strictObject({}),
  async run({ lore }, [metric = '']) {
    const ended = await lore().counters.reset(metric);
    return { data: { metric, ended }, lines: [`Ended ${ended} windows.`] };
  },
});

interface Described {
  readonly metric: string;
  readonly window: string;
  readonly count: number;
  readonly resetSeconds?: number;
}

function endOf(resetSeconds: number | undefined): string {
  if (resetSeconds === undefined) return 'never';
  return resetSeconds === 0 ? 'not open' : `${resetSeconds} s`;
}

function described(counters: readonly Described[]) {
  const rows = counters.map(({ metric, window, count, resetSeconds }) => {
    return [metric, window, String(count), endOf(resetSeconds)];
  });
  return { data: { counters }, lines: table(['metric', 'window', 'count', 'ends in'], rows) };
}

export const commands: Record<string, Command> = { increment, show, list, reset };
