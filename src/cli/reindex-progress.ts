import { SingleBar } from 'cli-progress';
import type { ReindexProgress } from '../maintenance/reindex/request.ts';
import type { Terminal } from './command.ts';

const PLAIN_INTERVAL_MS = 5_000;
const WORDS: Readonly<Record<ReindexProgress['step'], string>> = {
  chunks: 'chunks looked at',
  index: 'chunks in the new index',
  queries: 'queries compared',
  'clean-up': 'chunks cleaned up',
};

/** Shows how far a reindex is: a bar for each step on a terminal, a line now and then elsewhere. */
export function reindexProgress(terminal: Terminal): {
  onProgress: (progress: ReindexProgress) => void;
  end: () => void;
} {
  return terminal.isInteractive ? progressBar(terminal) : plainProgress(terminal);
}

function progressBar(terminal: Terminal) {
  const bar = new SingleBar({
    format: '{bar} {value}/{total} {what}, {eta_formatted} left',
    stream: terminal.stderr,
    hideCursor: true,
    clearOnComplete: true,
    barsize: 24,
  });
  let shown: string | undefined;
  return {
    onProgress({ step, done, total }: ReindexProgress) {
      const what = WORDS[step];
      if (shown !== what) bar.start(total, done, { what });
      shown = what;
      bar.setTotal(total);
      bar.update(done, { what });
    },
    end: () => bar.stop(),
  };
}

function plainProgress(terminal: Terminal) {
  let printedAt = performance.now();
  return {
    onProgress({ step, done, total }: ReindexProgress) {
      if (performance.now() - printedAt < PLAIN_INTERVAL_MS) return;
      printedAt = performance.now();
      terminal.note(`${done}/${total} ${WORDS[step]}`);
    },
    end: () => undefined,
  };
}
