import type { Database } from '../redis/databases.ts';
import { scanKeys } from '../redis/scan.ts';
import { ingestJobRecord, jobInputRecord, jobPartsRecord } from '../schema/jobs.ts';

/** The keys of a user's ingest jobs, and of what belongs to them. */
export interface JobsOfUser {
  readonly jobs: readonly string[];
  /** What was uploaded for them, by family as docs/schema.md names it. */
  readonly belongings: Readonly<Record<'job input' | 'job parts', readonly string[]>>;
}

/** The ingest jobs that count for a user. A scan: jobs are listed by whose API key they are, not by their user. */
export async function findJobsOfUser(main: Database, userId: string): Promise<JobsOfUser> {
  const jobs = new Map<string, string>();
  for await (const keys of scanKeys(main, ingestJobRecord.key.pattern, { type: 'hash' })) {
    const owners = await main.pipeline<string | null>(keys.map((key) => ['HGET', key, 'user_id']));
    for (const [at, key] of keys.entries()) {
      const jobId = ingestJobRecord.key.parse(key)?.jobId;
      if (owners[at] === userId && jobId !== undefined) jobs.set(jobId, key);
    }
  }
  const found = { jobs: [...jobs.values()], inputs: [] as string[], parts: [] as string[] };
  if (jobs.size > 0) {
    for await (const keys of scanKeys(main, jobInputRecord.key.pattern)) {
      found.inputs.push(...keys.filter((key) => jobs.has(jobInputRecord.key.parse(key)?.jobId ?? '')));
    }
    for await (const keys of scanKeys(main, jobPartsRecord.key.pattern)) {
      found.parts.push(...keys.filter((key) => jobs.has(jobPartsRecord.key.parse(key)?.jobId ?? '')));
    }
  }
  return {
    jobs: found.jobs,
    belongings: { 'job input': [...new Set(found.inputs)], 'job parts': [...new Set(found.parts)] },
  };
}
