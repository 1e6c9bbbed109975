import { z } from 'zod';
import { StackloreError } from '../errors.ts';
import type { IngestRequest } from '../ingest/ingest.ts';
import { queueIngest, queueUpload } from '../jobs/queue-ingest.ts';
import type { IngestJob } from '../stores/main/ingest-jobs.ts';
import type { CommandContext, Flag, Outcome } from './command.ts';
import { waitForJob } from './wait-for-job.ts';

export const QUEUE_FLAGS: readonly Flag[] = [
  { flags: '--queue', description: 'leave the work to `stacklore worker`, which reads the sources itself' },
  { flags: '--upload', description: 'with --queue: read the sources here, for workers that do not see them' },
  { flags: '--wait', description: 'with --queue: wait until the workers have done it' },
];

export const queueFlags = {
  queue: z.boolean().default(false),
  upload: z.boolean().default(false),
  wait: z.boolean().default(false),
};

interface Given {
  readonly queue: boolean;
  readonly upload: boolean;
  readonly wait: boolean;
  readonly watch: boolean;
  readonly allowPrivate: boolean;
}

/** Throws `invalid_input` for flags that do not go together. */
export function checkQueueFlags({ queue, upload, wait, watch, allowPrivate }: Given): void {
  if (!queue && (upload || wait)) {
    throw refused('--upload and --wait are for --queue: give it too, or leave them out.');
  }
  if (queue && watch) {
    throw refused(
      '--watch and --queue exclude each other. Watch without --queue, or queue again after changes.',
    );
  }
  if (queue && allowPrivate && !upload) {
    throw refused('Workers fetch the URLs: give --allow-private to `stacklore worker` instead.');
  }
}

/** Queues an ingest instead of carrying it out. */
export async function queueInstead(
  context: CommandContext,
  request: IngestRequest,
  { upload, wait }: Pick<Given, 'upload' | 'wait'>,
): Promise<Outcome> {
  const { job, unread } = await (upload ? queueContents(context, request) : queueNames(context, request));
  if (wait) {
    const outcome = await waitForJob(context, job.jobId);
    return { ...outcome, exitCode: outcome.exitCode || unread };
  }
  return {
    data: job,
    lines: [
      `Queued as job ${job.jobId}. A worker ingests it: stacklore worker`,
      `To see how far it is: stacklore jobs follow ${job.jobId}`,
    ],
    exitCode: unread,
  };
}

interface Queued {
  readonly job: IngestJob;
  /** 1 when a source could not be read, else 0. */
  readonly unread: 0 | 1;
}

async function queueNames({ lore }: CommandContext, request: IngestRequest): Promise<Queued> {
  const { read = {}, signal: _, ...given } = request;
  const { stdin: _stdin, stdinName: _name, allowPrivate: _private, ...options } = read;
  return { job: await queueIngest(lore(), { ...given, read: options }), unread: 0 };
}

async function queueContents({ lore, terminal }: CommandContext, request: IngestRequest): Promise<Queued> {
  const { prune, parse = {}, ...given } = request;
  if (prune || Object.keys(parse).length > 0) {
    throw refused(
      '--prune, --encoding and --text-columns need sources that the worker reads: leave --upload out.',
    );
  }
  let unread: Queued['unread'] = 0;
  const job = await queueUpload(lore(), given, ({ source, reason }) => {
    unread = 1;
    terminal.note(`failed: ${source} (${reason})`);
  });
  return { job, unread };
}

function refused(message: string): StackloreError {
  return new StackloreError('invalid_input', { message });
}
