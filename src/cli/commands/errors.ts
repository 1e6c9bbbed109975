import { z } from 'zod';
import { StackloreError } from '../../errors.ts';
import { type Command, defineCommand } from '../command.ts';
import { dateFlag, jsonObjectFlag, wholeNumber } from '../flag-values.ts';
import { counted, oneLine, table } from '../format.ts';

const types = defineCommand({
  summary: 'Count the logged errors by day and type.',
  arguments: '[date]',
  flags: [],
  schema: z.strictObject({}),
  async run({ lore }, [date]) {
    const found = await lore().errorLog.types({ date });
    const rows = found.map(({ date: of, errorType, count }) => [of, errorType, String(count)]);
    return { data: { types: found }, lines: table(['date', 'type', 'errors'], rows) };
  },
});

const list = defineCommand({
  summary: 'Show the errors of a type on a day, the newest first.',
  arguments: '<errorType>',
  flags: [
    { flags: '--date <date>', description: 'the day, e.g. 2025-01-15 (today)' },
    { flags: '--offset <number>', description: 'skip this many' },
    { flags: '--limit <number>', description: 'show at most this many (100)' },
    { flags: '--stack', description: 'with their stack traces' },
  ],
  schema: z.strictObject({
    date: dateFlag().optional(),
    offset: wholeNumber(0).default(0),
    limit: wholeNumber(1, 10_000).default(100),
    stack: z.boolean().default(false),
  }),
  async run({ lore, terminal }, [errorType = ''], { date, offset, limit, stack }) {
    const page = { offset, limit, ...(date !== undefined && { date }) };
    const errors = await lore().errorLog.list(errorType, page);
    const lines = errors.items.flatMap(({ timestamp, message, stackTrace, context }) => [
      `${timestamp}  ${oneLine(message, Math.max(40, terminal.columns - 30))}`,
      `  ${oneLine(JSON.stringify(context), Math.max(40, terminal.columns - 4))}`,
      ...(stack && stackTrace !== undefined ? stackTrace.split('\n').map((line) => `  ${line}`) : []),
    ]);
    return {
      data: errors,
      lines: [
        ...lines,
        ...errors.unreadable.map(({ problem }) => problem),
        `${errors.items.length} of ${counted(errors.total, 'error')}`,
      ],
    };
  },
});

const record = defineCommand({
  summary: 'Log an error; secrets in it are taken out.',
  arguments: '<errorType> <message>',
  flags: [{ flags: '--context <json>', description: 'a JSON object to keep with it' }],
  schema: z.strictObject({ context: jsonObjectFlag().optional() }),
  examples: [`stacklore errors record LlmTimeout 'no answer in 30 s' --context '{"model":"small"}'`],
  async run({ lore }, [errorType = '', message = ''], { context }) {
    if (message.trim() === '') {
      throw new StackloreError('invalid_input', { message: 'The message is empty. Say what went wrong.' });
    }
    await lore().errorLog.record({ errorType, message, context });
    return { data: { errorType }, lines: [`Logged an error of type ${errorType}.`] };
  },
});

export const commands: Record<string, Command> = { types, list, record };
