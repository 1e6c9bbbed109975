import { text } from 'node:stream/consumers';
import { z } from 'zod';
import { StackloreError } from '../../errors.ts';
import type { QueuedTask } from '../../stores/main/delivery.ts';
import type { NewTask } from '../../stores/main/new-task.ts';
import type { TaskOutcome } from '../../stores/main/queue-worker.ts';
import type { QueueStats } from '../../stores/main/queues.ts';
import { type Command, defineCommand } from '../command.ts';
import { wholeNumber } from '../flag-values.ts';
import { counted, oneLine, table } from '../format.ts';
import { checkProgram, runTaskCommand } from '../run-task-command.ts';

const PAGE_FLAGS = [
  { flags: '--offset <number>', description: 'skip this many' },
  { flags: '--limit <number>', description: 'show at most this many (100)' },
];
const pageFlags = { offset: wholeNumber(0).default(0), limit: wholeNumber(1, 10_000).default(100) };
const maxAttemptsFlag = wholeNumber(1).default(5);

const enqueue = defineCommand({
  summary: 'Put a task at the end of a queue; - as payload reads it from standard input.',
  arguments: '<queue> <taskType> [payload]',
  flags: [
    { flags: '--priority <number>', description: '1 to 10, where 10 is the most urgent (5)' },
    { flags: '--task-id <id>', description: 'id of the task (a random one)' },
  ],
  schema: z.strictObject({ priority: wholeNumber(1, 10).optional(), taskId: z.string().optional() }),
  examples: ['stacklore queue enqueue emails welcome \'{"to":"ada@example.com"}\' --priority 8'],
  async run({ lore, terminal }, [queue = '', taskType = '', payload], { priority, taskId }) {
    const given = payload === '-' ? await text(terminal.stdin) : payload;
    const task = await lore().queues.enqueue(queue, {
      taskType,
      ...(given !== undefined && { payload: parsePayload(given) }),
      ...(priority !== undefined && { priority }),
      ...(taskId !== undefined && { taskId }),
    });
    return { data: task, lines: [`Queued ${task.taskId} in ${queue}.`] };
  },
});

function parsePayload(given: string): NonNullable<NewTask['payload']> | null {
  try {
    // What JSON.parse gives is JSON.
    return JSON.parse(given) as NonNullable<NewTask['payload']> | null;
  } catch (cause) {
    throw new StackloreError('invalid_input', {
      message: 'The payload is not JSON. Quote text: \'"like this"\'.',
      cause,
    });
  }
}

const peek = defineCommand({
  summary: 'Show the tasks that wait, the next one first; nothing is taken.',
  arguments: '<queue>',
  flags: PAGE_FLAGS,
  schema: z.strictObject(pageFlags),
  async run({ lore, terminal }, [queue = ''], page) {
    const tasks = await lore().queues.peek(queue, page);
    const rows = tasks.items.map((item) => taskCells(item, terminal.columns));
    return {
      data: tasks,
      lines: [...table(TASK_HEADER, rows), `${tasks.items.length} of ${counted(tasks.total, 'task')}`],
    };
  },
});

const TASK_HEADER = ['task id', 'type', 'priority', 'created', 'payload'];

function taskCells(item: QueuedTask, columns: number): string[] {
  const width = Math.max(20, columns - 80);
  if ('problem' in item) return ['-', 'not a task', '-', '-', oneLine(item.element, width)];
  const { taskId, taskType, priority, createdAt, payload } = item.task;
  return [taskId, taskType, String(priority), createdAt, oneLine(JSON.stringify(payload), width)];
}

const list = defineCommand({
  summary: 'List every queue that holds anything.',
  flags: [],
  schema: z.strictObject({}),
  async run({ lore, terminal }) {
    const queues = await lore().queues.list();
    for (const { problem } of queues) if (problem !== undefined) terminal.note(`Note: ${problem}`);
    return { data: { queues }, lines: statsTable(queues.filter(({ problem }) => problem === undefined)) };
  },
});

const stats = defineCommand({
  summary: 'Say how many tasks of a queue wait, run, are delayed and are dead.',
  arguments: '<queue>',
  flags: [],
  schema: z.strictObject({}),
  async run({ lore }, [queue = '']) {
    const found = await lore().queues.stats(queue);
    return { data: found, lines: statsTable([found]) };
  },
});

function statsTable(queues: readonly QueueStats[]): string[] {
  const rows = queues.map(({ queue, waiting, processing, delayed, dead }) => {
    return [queue, ...[waiting, processing, delayed, dead].map(String)];
  });
  return table(['queue', 'waiting', 'processing', 'delayed', 'dead'], rows);
}

const dead = defineCommand({
  summary: 'Show the tasks of a queue that were given up, the latest first.',
  arguments: '<queue>',
  flags: PAGE_FLAGS,
  schema: z.strictObject(pageFlags),
  async run({ lore, terminal }, [queue = ''], page) {
    const letters = await lore().deadLetters.list(queue, page);
    const rows = letters.items.map((letter) => [
      'task' in letter ? letter.task.taskId : '-',
      ...[
        letter.failedAt,
        String(letter.attempts),
        oneLine(letter.error, Math.max(30, terminal.columns - 70)),
      ],
    ]);
    return {
      data: letters,
      lines: [
        ...table(['task id', 'failed', 'attempts', 'error'], rows),
        ...letters.unreadable.map(({ problem }) => problem),
        `${letters.items.length} of ${counted(letters.total, 'dead letter')}`,
      ],
    };
  },
});

const retryDead = defineCommand({
  summary: 'Queue dead letters again, by their task ids or all of them.',
  arguments: '<queue> [taskIds...]',
  flags: [{ flags: '--all', description: 'all dead letters of the queue' }],
  schema: z.strictObject({ all: z.boolean().default(false) }),
  async run({ lore }, [queue = '', ...taskIds], { all }) {
    if (all === taskIds.length > 0) {
      throw new StackloreError('invalid_input', {
        message: 'Name the task ids to queue again, or give --all.',
      });
    }
    const { retried, unreadable } = await lore().deadLetters.retry(queue, all ? undefined : taskIds);
    return {
      data: { queue, retried, unreadable },
      lines: [
        ...unreadable.map(({ problem }) => problem),
        `Queued ${counted(retried, 'task')} again in ${queue}.`,
      ],
    };
  },
});

const recover = defineCommand({
  summary: 'Put tasks back whose workers are gone; workers do so as well.',
  arguments: '<queue>',
  flags: [{ flags: '--max-attempts <number>', description: 'failures after which a task is given up (5)' }],
  schema: z.strictObject({ maxAttempts: maxAttemptsFlag }),
  async run({ lore }, [queue = ''], options) {
    const found = await lore().queues.recover(queue, options);
    const { recovered, buried, due } = found;
    return {
      data: { queue, ...found },
      lines: [`Put back ${counted(recovered, 'task')} and ${due} due retries; gave up ${buried}.`],
    };
  },
});

const purge = defineCommand({
  summary: 'Delete the tasks of a queue that wait, or its dead letters.',
  arguments: '<queue>',
  flags: [
    { flags: '--dead', description: 'delete the dead letters instead' },
    { flags: '--yes', description: 'really delete; without it only say what would go' },
  ],
  schema: z.strictObject({ dead: z.boolean().default(false), yes: z.boolean().default(false) }),
  async run({ lore }, [queue = ''], { dead: isDead, yes }) {
    if (!yes) {
      const found = await lore().queues.stats(queue);
      const what = isDead
        ? `${counted(found.dead, 'dead letter')}`
        : `${counted(found.waiting + found.delayed, 'task')}`;
      throw new StackloreError('invalid_input', {
        message: `Nothing was deleted. Purging "${queue}" deletes ${what} for good: repeat with --yes.`,
      });
    }
    if (isDead) {
      const deleted = await lore().deadLetters.purge(queue);
      return {
        data: { queue, dead: deleted },
        lines: [`Deleted ${counted(deleted, 'dead letter')} of ${queue}.`],
      };
    }
    const deleted = await lore().queues.purge(queue);
    return {
      data: { queue, ...deleted },
      lines: [`Deleted ${deleted.waiting} waiting and ${deleted.delayed} delayed tasks of ${queue}.`],
    };
  },
});

const work = defineCommand({
  summary:
    'Run a command for each task, which it gets on standard input; its exit code says whether it is done.',
  arguments: '<queue> <command...>',
  flags: [
    { flags: '--concurrency <number>', description: 'commands at the same time (1)' },
    { flags: '--max-attempts <number>', description: 'failures after which a task is given up (5)' },
    {
      flags: '--lease-seconds <number>',
      description: 'after a crash, seconds until the task goes to another (30)',
    },
    { flags: '--by-priority', description: 'take the highest priority among the next 100 tasks first' },
    {
      flags: '--until-empty',
      description: 'end when no task waits or runs; retries that are delayed stay for later',
    },
  ],
  schema: z.strictObject({
    concurrency: wholeNumber(1, 1_000).default(1),
    maxAttempts: maxAttemptsFlag,
    leaseSeconds: wholeNumber(1, 86_400).default(30),
    byPriority: z.boolean().default(false),
    untilEmpty: z.boolean().default(false),
  }),
  examples: ['stacklore queue work emails --concurrency 4 -- node send-mail.js'],
  async run({ lore, terminal }, [queue = '', ...command], { leaseSeconds, ...options }) {
    await checkProgram(command[0] ?? '');
    const worker = lore().startWorker(
      queue,
      ({ taskId, taskType }, context) =>
        runTaskCommand(command, { ...context, taskId, taskType, queue }, terminal.stderr),
      {
        ...options,
        leaseMs: leaseSeconds * 1_000,
        signal: terminal.signal,
        onOutcome: (outcome) => terminal.print(outcomeLine(outcome)),
        onTrouble: (error) => terminal.note(`Waiting: ${error instanceof Error ? error.message : error}`),
      },
    );
    const counts = await worker.done;
    const words = Object.entries(counts).map(([outcome, count]) => `${count} ${outcome}`);
    return { data: { queue, ...counts }, lines: [words.join(', ')], exitCode: counts.dead > 0 ? 1 : 0 };
  },
});

function outcomeLine({ task, outcome, error }: TaskOutcome): string {
  return `${outcome} ${task.taskId} (${task.taskType})${error === undefined ? '' : `: ${oneLine(error, 200)}`}`;
}

export const commands: Record<string, Command> = {
  enqueue,
  peek,
  list,
  stats,
  dead,
  'retry-dead': retryDead,
  recover,
  purge,
  work,
};
