import { randomUUID } from 'node:crypto';
import { open, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { errorMessage, StackloreError } from '../errors.ts';

/** A document found, best first in its list. */
export interface RankedDocument {
  readonly docId: string;
  readonly score: number;
}

/** The documents found for one query. */
export interface RunQuery {
  readonly queryId: string;
  readonly ranking: readonly RankedDocument[];
}

/** A difference that is left of any score when it is read as float32, as trec_eval does. */
const SMALLEST_STEP = 1e-6;

/**
 * A run in the form of TREC: query id, Q0, document id, rank, score and tag. Evaluators order by the score alone, each
 * breaking ties in its own way, so that equal scores are written as falling ones. Spaces in ids become %20.
 */
export function formatRun(queries: readonly RunQuery[], { tag }: { tag: string }): string {
  const lines = queries.flatMap(({ queryId, ranking }) => {
    let last = Number.POSITIVE_INFINITY;
    return ranking.map(({ docId, score }, at) => {
      const step = SMALLEST_STEP * Math.max(1, Math.abs(last));
      last = Math.fround(score) < last ? Math.fround(score) : Math.fround(last - step);
      return `${column(queryId)} Q0 ${column(docId)} ${at + 1} ${last} ${tag}\n`;
    });
  });
  return lines.join('');
}

/** Writes a run, whole or not at all. Throws like `checkWritable`. */
export async function writeRun(
  path: string,
  queries: readonly RunQuery[],
  options: { tag: string },
): Promise<void> {
  await writing(path, () => writeWhole(path, formatRun(queries, options)));
}

/** Throws `source_unreadable` where no file can be written; one that is there stays as it is, and none is left. */
export async function checkWritable(path: string): Promise<void> {
  await writing(path, async () => {
    const { target, there } = await look(path);
    if (there) await (await open(target, 'a')).close();
    if (there && !there.isFile()) return;
    const temporary = temporaryBeside(target);
    await writeFile(temporary, '', { flag: 'wx' });
    await rm(temporary);
  });
}

/** Writes beside the file and gives it its name once it is whole; what is no file, such as a pipe, is written to. */
async function writeWhole(path: string, text: string): Promise<void> {
  const { target, there } = await look(path);
  if (there && !there.isFile()) return writeFile(target, text);
  const temporary = temporaryBeside(target);
  try {
    await writeFile(temporary, text, { flag: 'wx', ...(there && { mode: there.mode }) });
    await rename(temporary, target);
  } finally {
    await rm(temporary, { force: true });
  }
}

/** What a link leads to, and what is there. */
async function look(path: string) {
  const target = await realpath(path).catch(() => path);
  return { target, there: await stat(target).catch(() => undefined) };
}

function temporaryBeside(path: string): string {
  return `${path}.${randomUUID()}.partial`;
}

async function writing(path: string, write: () => Promise<void>): Promise<void> {
  try {
    await write();
  } catch (error) {
    throw new StackloreError('source_unreadable', {
      message: `The run cannot be written to ${path} (${errorMessage(error)}). Give a path in a folder that exists and can be written to.`,
      cause: error,
    });
  }
}

function column(id: string): string {
  return id.replace(/\s/g, (space) => encodeURIComponent(space));
}
