import { z } from 'zod';
import { errorMessage } from '../../errors.ts';
import { startIngestWorker } from '../../jobs/start-ingest-worker.ts';
import { defineCommand } from '../command.ts';
import { wholeNumber } from '../flag-values.ts';
import { oneLine } from '../format.ts';

export const command = defineCommand({
  summary: 'Take ingest jobs from the queue until stopped; any number of workers share them.',
  flags: [
    { flags: '--threads <number>', description: 'threads that embed (one a core, two at most)' },
    {
      flags: '--concurrency <number>',
      description:
        'jobs, or parts of them, at the same time, of those that name paths and of others (2 each)',
    },
    {
      flags: '--lease-seconds <number>',
      description: 'after a crash, seconds until another worker goes on (30)',
    },
    { flags: '--no-paths', description: 'leave jobs that name paths to other workers' },
    { flags: '--allow-private', description: 'fetch URLs at private and loopback addresses' },
    { flags: '--until-empty', description: 'end when no job waits or runs' },
  ],
  schema: z.strictObject({
    threads: wholeNumber(1, 64).optional(),
    concurrency: wholeNumber(1, 64).default(2),
    leaseSeconds: wholeNumber(1, 86_400).default(30),
    paths: z.boolean().default(true),
    allowPrivate: z.boolean().default(false),
    untilEmpty: z.boolean().default(false),
  }),
  settingFlags: { embeddingWorkers: 'threads' },
  examples: ['stacklore worker', 'stacklore worker --threads 1 --until-empty'],
  async run({ lore, terminal }, _args, { threads, leaseSeconds, allowPrivate, ...options }) {
    const opened = lore(threads === undefined ? {} : { embeddingWorkers: threads });
    const worker = startIngestWorker(opened, {
      ...options,
      leaseMs: leaseSeconds * 1_000,
      read: { allowPrivate },
      onTrouble: (error) => terminal.note(`Waiting: ${errorMessage(error)}`),
      onOutcome: ({ task, outcome, error }) =>
        terminal.print(`${outcome} ${task.taskId}${error === undefined ? '' : `: ${oneLine(error, 200)}`}`),
    });
    terminal.note('Working on ingest jobs; press Ctrl-C to stop.');
    // What is under way is let go of and taken up by others, or by this worker when it is started again.
    const stop = (): void => void worker.stop({ graceMs: 0 }).catch(() => {}); // `done` tells
    if (terminal.signal.aborted) stop();
    terminal.signal.addEventListener('abort', stop, { once: true });
    const counts = await worker.done;
    const words = Object.entries(counts).map(([outcome, count]) => `${count} ${outcome}`);
    return { data: counts, lines: [words.join(', ')] };
  },
});
