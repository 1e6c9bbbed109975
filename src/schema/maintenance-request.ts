import { z } from 'zod';
import { StackloreError } from '../errors.ts';
import { familiesOf } from './families.ts';

const databaseName = z.enum(['main', 'knowledge', 'prompts', 'analytics'], {
  error: ({ input }) => `"${String(input).slice(0, 40)}" must be main, knowledge, prompts or analytics`,
});
/** A record family as docs/schema.md names it; `document-index` is read as `document index`. */
const familyName = z
  .string()
  .transform((name) => name.replaceAll('-', ' '))
  .refine((name) => familiesOf().some((family) => family.name === name), {
    error: ({ input }) =>
      `there is no record family "${String(input).slice(0, 40)}"; families are ${familiesOf()
        .map(({ name }) => name)
        .join(', ')}`,
  });
const families = z.array(familyName).min(1, 'must name at least one').optional();
const databases = z.array(databaseName).min(1, 'must name at least one').optional();
const flag = z.boolean('must be true or false').default(false);
const positive = z.int('must be a whole number').min(1, 'must be at least 1').optional();

export const backupRequest = z.strictObject({
  /** Named databases to back up, one archive each; all four unless told. */
  databases,
  /** Only these record families. */
  families,
  /** Also keys that belong to no family; of a number that databases share, with the first of them. */
  unknown: flag,
  /** Where archives go; by default `backups` below the data home. */
  folder: z.string().min(1, 'must name a folder').optional(),
  /** Also (or without `databases`, only) let the servers write a snapshot of all they hold. */
  server: flag,
  /** Of older archives of the same database and selection, remove all but the newest so many, this one counted. */
  keep: positive,
  /** And those older than so many days. */
  keepDays: positive,
});

export const restoreRequest = z.strictObject({
  /** The archive to restore. */
  file: z.string().min(1, 'must name an archive'),
  /** Only these record families of it. */
  families,
  /** Also the keys that belong to no family, where the archive has some. */
  unknown: flag,
  /** What becomes of a key that exists: nothing is restored at all, it stays, or it is replaced. */
  existing: z
    .enum(['refuse', 'skip', 'replace'], { error: 'must be refuse, skip or replace' })
    .default('refuse'),
  /** Only tell what would be done. */
  dryRun: flag,
});

export const keysRequest = z.strictObject({
  databases,
  /** Measure every element of every key; otherwise a few of each, as Redis does. */
  exact: flag,
  /** How many of the biggest keys to name. */
  biggest: z.int('must be a whole number').min(0).max(1_000, 'must be at most 1000').default(10),
});

export const cleanupRequest = z.strictObject({
  /** Cached response bodies. */
  cache: flag,
  /** Metrics, usage and errors that ended by this moment. */
  analyticsBefore: z.union([z.string(), z.date()]).optional(),
  /** Chunks whose document is gone. */
  orphans: flag,
  /** Documents without a chunk. */
  emptyDocuments: flag,
  /** Tasks of all queues that were given up. */
  deadLetters: flag,
  /** All of these; analytics only with a date. */
  all: flag,
  /** Only tell what would go. */
  dryRun: flag,
  /** Keys looked at in a second at most (50,000): the server is there for others too. */
  keysPerSecond: positive,
});

export const diagnosisRequest = z.strictObject({
  /** Put right what can be put right without losing anything. */
  fix: flag,
});

/** Checks a request of maintenance. Throws `invalid_input` naming what is wrong. */
export function parseMaintenanceRequest<T>(schema: z.ZodType<T>, input: unknown): T {
  const checked = schema.safeParse(input);
  if (checked.success) return checked.data;
  const problems = checked.error.issues.map(({ path, message }) => {
    // Which of a list it is, its message says.
    const place = path.filter((part) => typeof part !== 'number').join('.');
    return place === '' ? message : `${place}: ${message}`;
  });
  throw new StackloreError('invalid_input', {
    message: `This request cannot be carried out. ${problems.join('; ')}.`,
  });
}
