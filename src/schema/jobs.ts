import { z } from 'zod';
import { boolean, field, integer, json, jsonObject, text, timestamp, type Wire } from './fields.ts';
import { hash, list, map, sortedSet, type ValueOf } from './record.ts';

const DAY = 86_400;

/** How long an ingest job is known after its last change, and what was uploaded for it. */
export const JOB_TTL_SECONDS = 7 * DAY;

/** Where an ingest job stands; the last three are for good. */
export const JOB_STATES = ['queued', 'running', 'done', 'failed', 'cancelled'] as const;
export type JobState = (typeof JOB_STATES)[number];

/** What a job ingests. */
const JOB_KINDS = ['files', 'texts', 'urls', 'sources'] as const;

const outcome = z.object({
  source: z.string(),
  status: z.enum(['created', 'updated', 'unchanged', 'duplicate', 'skipped', 'failed', 'pruned']),
  docId: z.string().optional(),
  title: z.string().optional(),
  chunks: z.int().optional(),
  embedded: z.int().optional(),
  duplicateOf: z.string().optional(),
  code: z.string().optional(),
  reason: z.string().optional(),
});

const count = z.int().nonnegative();

/** What an ingest did, see `IngestReport`. */
export const ingestReport = z.object({
  collection: z.string(),
  counts: z.record(outcome.shape.status, count),
  chunks: count,
  embedded: count,
  seconds: z.number(),
  interrupted: z.boolean(),
  problems: z.array(outcome),
});

export type StoredReport = z.output<typeof ingestReport>;

/** How a job ingests, beside the settings of its collection: what an ingest of its kind takes. */
export const jobOptions = z.object({
  metadata: z.record(z.string(), z.unknown()).optional(),
  maxChunks: count.optional(),
  force: z.boolean().optional(),
  prune: z.boolean().optional(),
  read: z
    .object({
      cwd: z.string().optional(),
      base: z.string().optional(),
      gitignore: z.boolean().optional(),
      maxBytes: count.optional(),
      maxPages: count.optional(),
    })
    .optional(),
  parse: z
    .object({
      encoding: z.string().optional(),
      textColumns: z.array(z.string()).readonly().optional(),
    })
    .optional(),
});

/** Why a job failed as a whole. */
export const jobError = z.object({ code: z.string(), message: z.string() });

/** An ingest that a server carries out in the background. */
export const ingestJobRecord = hash({
  database: 'main',
  key: 'stacklore:job:{jobId}',
  description: 'An ingest in the background: what it ingests, where it stands and what became of it.',
  ttlSeconds: JOB_TTL_SECONDS,
  isHelper: true,
  fields: {
    /** Whose job it is: the id of an API key, or `open` where no key was needed. */
    owner: text,
    collection: text,
    kind: oneOf(JOB_KINDS),
    state: oneOf(JOB_STATES),
    /** Grows with every change. */
    revision: integer,
    createdAt: timestamp,
    startedAt: timestamp.optional(),
    endedAt: timestamp.optional(),
    /** What was given, in the order of `stacklore:job-input:…`. */
    inputs: json(
      z.array(z.object({ name: z.string(), mediaType: z.string().optional(), bytes: z.int().nonnegative() })),
    ),
    settings: jsonObject.optional(),
    options: json(jobOptions).optional(),
    /** How many inputs each part has that workers share it by; the first input of `sources` is of no part. */
    parts: json(z.array(count)).optional(),
    userId: text.optional(),
    /** True where ids that documents give themselves must not tell which ids other collections hold. */
    qualifyIds: boolean,
    sources: integer,
    done: integer,
    /** Documents, and sources that gave none, that could not be ingested; absent in jobs of earlier versions. */
    failed: integer.optional(),
    chunks: integer,
    cancelRequested: boolean.optional(),
    report: json(ingestReport).optional(),
    error: json(jobError).optional(),
  },
});
export type StoredIngestJob = ValueOf<typeof ingestJobRecord>;

/** What a job ingests, until it has ended. */
export const jobInputRecord = list({
  database: 'main',
  key: 'stacklore:job-input:{jobId}:{input}',
  description:
    'What was given to an ingest job, piece by piece: the bytes of a file, or texts or URLs as JSON.',
  ttlSeconds: JOB_TTL_SECONDS,
  isHelper: true,
  element: field<Wire>(
    'bytes',
    (value) => value,
    (wire) => wire,
  ),
});

/** How far the parts of a job are that several workers share, until it has ended. */
export const jobPartsRecord = map({
  database: 'main',
  key: 'stacklore:job-parts:{jobId}',
  description: 'How far each part of an ingest job is that workers share, and what became of it.',
  ttlSeconds: JOB_TTL_SECONDS,
  isHelper: true,
  field:
    '`progress:`, `failed:` or `report:` and the number of a part; `done`, `chunks`, `failed` and `ended` of all of them',
  value: 'sources and chunks done, documents failed, a report as JSON, a count',
});

/** The jobs of an owner, found without a scan. */
export const ownerJobsRecord = sortedSet({
  database: 'main',
  key: 'stacklore:jobs:{owner}',
  description: 'The ingest jobs of an API key, or those that needed none (`open`).',
  ttlSeconds: JOB_TTL_SECONDS,
  isHelper: true,
  member: 'job_id',
  score: 'creation, Unix milliseconds',
});

function oneOf<const Name extends string>(names: readonly Name[]) {
  const schema = z.enum(names);
  return field<Name>(
    'text',
    (value) => schema.parse(value),
    (wire) => schema.parse(wire.toString()) as Name,
  );
}
