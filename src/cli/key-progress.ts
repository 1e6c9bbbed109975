import type { Terminal } from './command.ts';
import { stepProgress } from './step-progress.ts';

/** Shows how many keys are done, by database. */
export function keyProgress(terminal: Terminal): {
  onProgress: (progress: { done: number; total: number; database?: string }) => void;
  end: () => void;
} {
  const { show, end } = stepProgress(terminal, {
    bar: 'keys, {eta_formatted} left  {label}',
    line: (database, counts) => `${database === '' ? '' : `${database}: `}${counts} keys`,
  });
  return { onProgress: ({ database = '', ...counts }) => show(database, counts), end };
}
