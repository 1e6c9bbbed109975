import { type FileHandle, open } from 'node:fs/promises';
import { errorMessage, StackloreError } from '../errors.ts';
import type { EvaluationQuery, Judgement } from './test-set.ts';

/** A file that grows by whole lines, each on the disk before `append` resolves. */
export interface LineFile {
  append(line: string): Promise<void>;
  close(): Promise<void>;
}

const HEADER = 'query-id\tcorpus-id\tscore';

/**
 * Opens a file of lines to append to; a new one begins with `header`. What another writer left without a line end gets
 * one first. Throws `source_unreadable`.
 */
export async function openLineFile(path: string, header?: string): Promise<LineFile> {
  try {
    const file = await open(path, 'a+');
    return await startAppending(file, header);
  } catch (error) {
    throw new StackloreError('source_unreadable', {
      message: `${path} cannot be written (${errorMessage(error)}). Give a path in a folder that exists.`,
      cause: error,
    });
  }
}

async function startAppending(file: FileHandle, header: string | undefined): Promise<LineFile> {
  const { size } = await file.stat();
  const last = Buffer.alloc(1);
  if (size > 0) await file.read(last, 0, 1, size - 1);
  // One write a line, at the end whoever else appends: an interruption leaves whole lines.
  let before = size === 0 ? (header === undefined ? '' : `${header}\n`) : last[0] === 0x0a ? '' : '\n';
  return {
    async append(line) {
      await file.appendFile(`${before}${line}\n`);
      before = '';
      await file.datasync();
    },
    close: () => file.close(),
  };
}

/** Opens a file of judgements (qrels) to append to. */
export async function openJudgementFile(
  path: string,
  columns: 3 | 4,
): Promise<{ append(judgement: Judgement): Promise<void>; close(): Promise<void> }> {
  const file = await openLineFile(path, HEADER);
  return {
    append: ({ queryId, docId, grade }) =>
      file.append([queryId, ...(columns === 4 ? ['0'] : []), docId, String(grade)].join('\t')),
    close: () => file.close(),
  };
}

/** A query as a line of a file of queries. */
export function queryLine({ queryId, text }: EvaluationQuery): string {
  return JSON.stringify({ _id: queryId, text });
}
