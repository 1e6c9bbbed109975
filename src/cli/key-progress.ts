import { SingleBar } from 'cli-progress';
import type { Terminal } from './command.ts';

const PLAIN_INTERVAL_MS = 5_000;

/** Shows how many keys are done: a bar with rate and remaining time on a terminal, a line now and then elsewhere. */
export function keyProgress(terminal: Terminal): {
  onProgress: (progress: { done: number; total: number; database?: string }) => void;
  end: () => void;
} {
  return terminal.isInteractive ? progressBar(terminal) : plainProgress(terminal);
}

function progressBar(terminal: Terminal) {
  const bar = new SingleBar({
    format: '{bar} {value}/{total} keys, {eta_formatted} left  {database}',
    stream: terminal.stderr,
    hideCursor: true,
    clearOnComplete: true,
    barsize: 24,
  });
  let shown: string | undefined;
  return {
    onProgress({ done, total, database = '' }: { done: number; total: number; database?: string }) {
      if (shown !== database) bar.start(total, done, { database });
      shown = database;
      bar.setTotal(total);
      bar.update(done, { database });
    },
    end: () => bar.stop(),
  };
}

function plainProgress(terminal: Terminal) {
  let printedAt = performance.now();
  return {
    onProgress({ done, total, database = '' }: { done: number; total: number; database?: string }) {
      if (performance.now() - printedAt < PLAIN_INTERVAL_MS) return;
      printedAt = performance.now();
      terminal.note(`${database === '' ? '' : `${database}: `}${done}/${total} keys`);
    },
    end: () => undefined,
  };
}
