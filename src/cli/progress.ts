import { SingleBar } from 'cli-progress';
import type { IngestEvent } from '../ingest/tally.ts';
import type { Terminal } from './command.ts';
import { oneLine } from './format.ts';

const PLAIN_INTERVAL_MS = 5_000;

/** Shows an ingest's progress: a bar with rate and remaining time on a terminal, a line now and then elsewhere. */
export function ingestProgress(terminal: Terminal): {
  onEvent: (event: IngestEvent) => void;
  end: () => void;
} {
  return terminal.isInteractive ? progressBar(terminal) : plainProgress(terminal);
}

function progressBar(terminal: Terminal) {
  const bar = new SingleBar({
    format: '{bar} {value}/{total} sources, {chunks} chunks, {rate} chunks/s, {eta_formatted} left  {source}',
    stream: terminal.stderr,
    hideCursor: true,
    clearOnComplete: true,
    barsize: 24,
  });
  const rate = new RateMeter();
  return {
    onEvent(event: IngestEvent) {
      if (event.kind === 'listed') bar.start(event.sources, 0, { chunks: 0, rate: '0', source: '' });
      if (event.kind === 'source') bar.update(event.done, { source: oneLine(event.source, 40) });
      if (event.kind === 'document') {
        rate.add(event.outcome.chunks ?? 0, event.outcome.embedded ?? 0);
        bar.update({ chunks: rate.chunks, rate: rate.perSecond() });
      }
    },
    end: () => bar.stop(),
  };
}

function plainProgress(terminal: Terminal) {
  const rate = new RateMeter();
  let total = 0;
  let done = 0;
  let printedAt = performance.now();
  return {
    onEvent(event: IngestEvent) {
      if (event.kind === 'listed') total = event.sources;
      if (event.kind === 'source') done = event.done;
      if (event.kind === 'document') rate.add(event.outcome.chunks ?? 0, event.outcome.embedded ?? 0);
      if (performance.now() - printedAt < PLAIN_INTERVAL_MS) return;
      printedAt = performance.now();
      terminal.note(`${done}/${total} sources, ${rate.chunks} chunks, ${rate.perSecond()} chunks/s`);
    },
    end: () => undefined,
  };
}

class RateMeter {
  chunks = 0;
  #embedded = 0;
  readonly #started = performance.now();

  add(chunks: number, embedded: number): void {
    this.chunks += chunks;
    this.#embedded += embedded;
  }

  perSecond(): string {
    return (this.#embedded / Math.max(0.001, (performance.now() - this.#started) / 1_000)).toFixed(1);
  }
}
