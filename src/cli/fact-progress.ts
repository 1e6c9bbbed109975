import { SingleBar } from 'cli-progress';
import type { Terminal } from './command.ts';

/** How far a work on facts is: what was counted so far and, where that can be known, its share of all. */
export interface Progress {
  readonly count: number;
  readonly share: number | undefined;
}

type Shown = Pick<Terminal, 'note' | 'isInteractive' | 'stderr'>;

const PLAIN_INTERVAL_MS = 5_000;
/** A bar counts in whole steps. */
const STEPS = 1_000;

/** Shows how many facts or lines are done: a bar with rate and remaining time on a terminal, a line now and then elsewhere. */
export function factProgress(
  terminal: Shown,
  unit: string,
  now: () => number = () => performance.now(),
): { onProgress: (progress: Progress) => void; end: () => void } {
  const startedAt = now();
  const describe = ({ count, share }: Progress) => {
    const rate = (count / Math.max(0.001, (now() - startedAt) / 1_000)).toFixed(1);
    const part = share === undefined ? '' : ` (${Math.floor(share * 100)} %)`;
    return `${count} ${unit}${part}, ${rate} ${unit}/s`;
  };
  return terminal.isInteractive
    ? progressBar(terminal, describe)
    : plainProgress(terminal, { describe, now, startedAt });
}

type Describe = (progress: Progress) => string;

function progressBar(terminal: Shown, describe: Describe) {
  const bar = new SingleBar({
    format: '{bar} {text}, {eta_formatted} left',
    stream: terminal.stderr,
    hideCursor: true,
    clearOnComplete: true,
    barsize: 24,
  });
  let isStarted = false;
  return {
    onProgress(progress: Progress) {
      // Of what comes piece by piece nobody knows the end: the bar stays empty, the numbers grow.
      const value = Math.floor((progress.share ?? 0) * STEPS);
      const payload = { text: describe(progress) };
      if (!isStarted) bar.start(STEPS, value, payload);
      isStarted = true;
      bar.update(value, payload);
    },
    end: () => bar.stop(),
  };
}

function plainProgress(
  terminal: Shown,
  { describe, now, startedAt }: { describe: Describe; now: () => number; startedAt: number },
) {
  let printedAt = startedAt;
  return {
    onProgress(progress: Progress) {
      if (now() - printedAt < PLAIN_INTERVAL_MS) return;
      printedAt = now();
      terminal.note(describe(progress));
    },
    end: () => undefined,
  };
}
