import { open, writeFile } from 'node:fs/promises';
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

/** Writes a run. Throws like `checkWritable`. */
export async function writeRun(
  path: string,
  queries: readonly RunQuery[],
  options: { tag: string },
): Promise<void> {
  await writing(path, () => writeFile(path, formatRun(queries, options)));
}

/** Throws `source_unreadable` where no file can be written; one that is there stays as it is. */
export async function checkWritable(path: string): Promise<void> {
  await writing(path, async () => (await open(path, 'a')).close());
}

async function writing(path: string, write: () => Promise<void>): Promise<void> {
  try {
    await write();
  } catch (error) {
    throw new StackloreError('source_unreadable', {
      message: `The run cannot be written to ${path} (${errorMessage(error)}). Give a path in a folder that exists.`,
      cause: error,
    });
  }
}

function column(id: string): string {
  return id.replace(/\s/g, (space) => encodeURIComponent(space));
}
