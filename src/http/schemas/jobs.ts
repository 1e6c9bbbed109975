import { z } from 'zod';
import { ingestReport, JOB_STATES, jobError } from '../../schema/jobs.ts';

/** An ingest job as it is answered and told of. */
export const jobAnswer = z.object({
  jobId: z.string(),
  collection: z.string(),
  state: z.enum(JOB_STATES),
  createdAt: z.coerce.date(),
  startedAt: z.coerce.date().optional(),
  endedAt: z.coerce.date().optional(),
  progress: z.object({ sources: z.int(), done: z.int(), failed: z.int(), chunks: z.int() }),
  report: ingestReport.optional(),
  error: jobError.optional(),
});

export type JobAnswer = z.output<typeof jobAnswer>;

/** Jobs, newest first; their reports are told of each alone. */
export const jobList = z.object({
  items: z.array(jobAnswer.omit({ report: true })),
  unreadable: z.array(z.object({ key: z.string(), problem: z.string() })),
  total: z.int(),
});
