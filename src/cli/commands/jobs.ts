import { z } from 'zod';
import type { IngestJob } from '../../stores/main/ingest-jobs.ts';
import { type Command, defineCommand } from '../command.ts';
import { wholeNumber } from '../flag-values.ts';
import { table } from '../format.ts';
import { unreadableLines } from '../unreadable-lines.ts';
import { jobOutcome, waitForJob } from '../wait-for-job.ts';

const list = defineCommand({
  summary: 'List ingest jobs of the last seven days, newest first.',
  flags: [
    { flags: '--owner <id>', description: 'the API key whose jobs are listed (those queued without one)' },
    { flags: '--offset <number>', description: 'skip this many' },
    { flags: '--limit <number>', description: 'list at most this many (100)' },
  ],
  schema: z.strictObject({
    owner: z.string().default('open'),
    offset: wholeNumber(0).default(0),
    limit: wholeNumber(1, 10_000).default(100),
  }),
  async run({ lore }, _args, { owner, ...page }) {
    const jobs = await lore().ingestJobs.list(owner, page);
    return {
      data: jobs,
      lines: [...table(HEADER, jobs.items.map(cells)), ...unreadableLines(jobs.unreadable)],
    };
  },
});

const HEADER = ['job id', 'state', 'collection', 'sources', 'failed', 'chunks', 'created'];

function cells({ jobId, state, collection, done, failed, sources, chunks, createdAt }: IngestJob): string[] {
  return [
    ...[jobId, state, collection, `${done}/${sources}`, String(failed), String(chunks)],
    createdAt.toISOString(),
  ];
}

const show = defineCommand({
  summary: 'Show how far a job is and, at its end, what became of its documents.',
  arguments: '<jobId>',
  flags: [],
  schema: z.strictObject({}),
  async run({ lore }, [jobId = '']) {
    const job = await lore().ingestJobs.get(jobId);
    const header = table(HEADER, [cells(job)]);
    return { data: job, lines: job.endedAt ? [...header, ...jobOutcome(job).lines] : header };
  },
});

const follow = defineCommand({
  summary: 'Show the progress of a job until it has ended.',
  arguments: '<jobId>',
  flags: [],
  schema: z.strictObject({}),
  run: (context, [jobId = '']) => waitForJob(context, jobId),
});

const cancel = defineCommand({
  summary: 'Cancel a job: what it has ingested stays, and nothing half.',
  arguments: '<jobId>',
  flags: [],
  schema: z.strictObject({}),
  async run({ lore }, [jobId = '']) {
    await lore().ingestJobs.cancel(await lore().ingestJobs.get(jobId));
    const job = await lore().ingestJobs.get(jobId);
    const isOver = job.state !== 'running';
    return {
      data: job,
      lines: [isOver ? `Job ${jobId} is ${job.state}.` : `Job ${jobId} ends after what is under way.`],
    };
  },
});

export const commands: Record<string, Command> = { list, show, follow, cancel };
