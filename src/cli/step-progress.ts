import { SingleBar } from 'cli-progress';
import type { Terminal } from './command.ts';

const PLAIN_INTERVAL_MS = 5_000;

/** How progress is put into words. */
export interface StepWords {
  /** What the bar says after its figures; `{label}` stands for the label of the step. */
  readonly bar: string;
  /** A line of the same. */
  readonly line: (label: string, counts: string) => string;
}

/** Progress of work in steps: how much of the step with this label is done. */
export interface StepProgress {
  readonly show: (label: string, progress: { readonly done: number; readonly total: number }) => void;
  readonly end: () => void;
}

/** Shows how far work is: a bar for each step with the remaining time on a terminal, a line now and then elsewhere. */
export function stepProgress(terminal: Terminal, words: StepWords): StepProgress {
  return terminal.isInteractive ? progressBar(terminal, words) : plainProgress(terminal, words);
}

function progressBar(terminal: Terminal, words: StepWords): StepProgress {
  const bar = new SingleBar({
    format: `{bar} {value}/{total} ${words.bar}`,
    stream: terminal.stderr,
    hideCursor: true,
    clearOnComplete: true,
    barsize: 24,
  });
  let shown: string | undefined;
  return {
    show(label, { done, total }) {
      if (shown !== label) bar.start(total, done, { label });
      shown = label;
      bar.setTotal(total);
      bar.update(done, { label });
    },
    end: () => bar.stop(),
  };
}

function plainProgress(terminal: Terminal, words: StepWords): StepProgress {
  let printedAt = performance.now();
  return {
    show(label, { done, total }) {
      if (performance.now() - printedAt < PLAIN_INTERVAL_MS) return;
      printedAt = performance.now();
      terminal.note(words.line(label, `${done}/${total}`));
    },
    end: () => undefined,
  };
}
