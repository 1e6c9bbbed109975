import type { ReindexProgress } from '../maintenance/reindex/request.ts';
import type { Terminal } from './command.ts';
import { stepProgress } from './step-progress.ts';

const WORDS: Readonly<Record<ReindexProgress['step'], string>> = {
  chunks: 'chunks looked at',
  documents: 'documents cut anew',
  index: 'chunks in the new index',
  queries: 'queries compared',
  switch: 'documents switched',
  'clean-up': 'chunks cleaned up',
};

/** Shows how far a reindex is. */
export function reindexProgress(terminal: Terminal): {
  onProgress: (progress: ReindexProgress) => void;
  end: () => void;
} {
  const { show, end } = stepProgress(terminal, {
    bar: '{label}, {eta_formatted} left',
    line: (label, counts) => `${counts} ${label}`,
  });
  return { onProgress: ({ step, ...counts }) => show(WORDS[step], counts), end };
}
