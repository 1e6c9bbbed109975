import { Readable } from 'node:stream';
import { z } from 'zod';
import { RecordError } from '../../errors.ts';
import { followJob, type JobNews } from '../../jobs/follow-job.ts';
import type { Stacklore } from '../../stacklore.ts';
import { type Access, hidden } from '../access.ts';
import { pageQuery } from '../page-query.ts';
import { defineRoute, type Route } from '../route.ts';
import { type JobAnswer, jobAnswer, jobList } from '../schemas/jobs.ts';
import { StreamSlots } from '../stream-slots.ts';

type IngestJob = Exclude<JobNews, 'quiet'>;

const params = z.strictObject({ jobId: z.string() });
const read = { scope: 'read', family: 'documents' } as const;

/** Between signs of life on a stream that has nothing to tell. */
const ALIVE_EVERY_MS = 15_000;
/** How long a browser waits until it comes back to a stream that broke. */
const RETRY_MS = 2_000;

/** Ingest jobs: each key sees its own alone. */
export function jobRoutes(): Route[] {
  const slots = new StreamSlots();
  return [
    defineRoute({
      method: 'GET',
      path: '/v1/jobs',
      tag: 'Jobs',
      summary: 'The ingest jobs of this API key, newest first.',
      description: 'A job is known for seven days after its last change.',
      access: read,
      query: z.strictObject(pageQuery(100)),
      response: jobList,
      async handle({ lore, access, query }) {
        const { items, unreadable, total } = await lore.ingestJobs.list(ownerOf(access), query);
        return { items: items.map((job) => withoutReport(answerOf(job))), unreadable, total };
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/v1/jobs/:jobId',
      tag: 'Jobs',
      summary: 'Where a job stands and, at its end, what became of each document.',
      access: read,
      params,
      response: jobAnswer,
      async handle({ lore, access, params: { jobId } }) {
        return answerOf(await ownJob(lore, access, jobId));
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/v1/jobs/:jobId/events',
      tag: 'Jobs',
      summary: 'The job each time it changes, as Server-Sent Events.',
      description:
        'Events named `progress` and at last `end`, each with the job as JSON. A reader that comes back with Last-Event-ID hears what it has missed, and 204 when it has heard the end.',
      access: read,
      params,
      produces: 'text/event-stream',
      isStream: true,
      async handle({ lore, access, params: { jobId }, request, reply, signal }) {
        const job = await ownJob(lore, access, jobId);
        const seen = Number(request.headers['last-event-id'] ?? 0);
        if (job.endedAt && seen === job.revision) return reply.code(204).send();
        // An id of somewhere else is none of ours.
        const since = Number.isSafeInteger(seen) && seen <= job.revision ? seen : 0;
        reply.header('cache-control', 'no-store').header('x-accel-buffering', 'no');
        const news = followJob(lore, jobId, { since, quietMs: ALIVE_EVERY_MS, signal });
        slots.hold(access.clientId, reply.raw);
        return Readable.from(eventsOf(news));
      },
    }),
    defineRoute({
      method: 'DELETE',
      path: '/v1/jobs/:jobId',
      tag: 'Jobs',
      summary: 'Cancels a job: what it has ingested stays, and nothing half.',
      description: 'One that runs ends a little later. A job that has ended stays as it is.',
      access: { scope: 'write', family: 'documents' },
      params,
      response: jobAnswer,
      async handle({ lore, access, params: { jobId } }) {
        await lore.ingestJobs.cancel(await ownJob(lore, access, jobId));
        return answerOf(await ownJob(lore, access, jobId));
      },
    }),
  ];
}

/** Whose jobs a caller's are. */
export function ownerOf({ keyId = 'open' }: Access): string {
  return keyId;
}

/** A job as callers see it. */
export function answerOf(job: IngestJob): JobAnswer {
  const { jobId, collection, state, createdAt, startedAt, endedAt, report, error } = job;
  const { sources, done, failed, chunks } = job;
  return {
    ...{ jobId, collection, state, createdAt },
    ...(startedAt && { startedAt }),
    ...(endedAt && { endedAt }),
    progress: { sources, done, failed, chunks },
    ...(report && { report }),
    ...(error && { error }),
  };
}

function withoutReport({ report: _, ...job }: JobAnswer): Omit<JobAnswer, 'report'> {
  return job;
}

async function ownJob(lore: Stacklore, access: Access, jobId: string): Promise<IngestJob> {
  const job = await lore.ingestJobs.find(jobId).catch((error: unknown) => {
    // Whose a broken job is cannot be told.
    throw error instanceof RecordError && access.hasKey ? hidden() : error;
  });
  if (job?.owner !== ownerOf(access)) throw hidden();
  return job;
}

async function* eventsOf(news: AsyncIterable<JobNews>): AsyncGenerator<string> {
  yield `retry: ${RETRY_MS}\n\n`;
  for await (const job of news) {
    if (job === 'quiet') yield ': alive\n\n';
    else {
      const event = job.endedAt ? 'end' : 'progress';
      yield `event: ${event}\nid: ${job.revision}\ndata: ${JSON.stringify(answerOf(job))}\n\n`;
    }
  }
}
