import type { IngestEvent } from '../ingest/tally.ts';
import type { IngestJobs, JobProgress } from '../stores/main/ingest-jobs.ts';

const WRITTEN_EVERY_MS = 250;
/** How often a job that makes no progress is asked whether it is to go on, in turns of the above. */
const ASKED_EVERY = 4;

/** Writes how far a job is, if there is news, and gives whether it is to go on. */
export type Tell = (news: Partial<JobProgress>) => ReturnType<IngestJobs['report']>;

/** Writes down how far a job is, now and then, and hears by that when it is to end. */
export class ProgressWriter {
  readonly #tell: Tell;
  readonly #onEnd: (why: 'is to be cancelled' | 'has ended') => void;
  readonly #timer: NodeJS.Timeout;
  #progress: JobProgress;
  #written: JobProgress;
  #turns = 0;
  #writing: Promise<void> | undefined;

  constructor(sources: number, tell: Tell, onEnd: (why: 'is to be cancelled' | 'has ended') => void) {
    this.#tell = tell;
    this.#onEnd = onEnd;
    this.#progress = { sources, done: 0, failed: 0, chunks: 0 };
    this.#written = this.#progress;
    this.#timer = setInterval(() => this.#turn(), WRITTEN_EVERY_MS);
  }

  get progress(): JobProgress {
    return this.#progress;
  }

  /** Takes what an ingest tells. */
  note(event: IngestEvent): void {
    const { failed, chunks } = this.#progress;
    if (event.kind === 'listed') this.#progress = { ...this.#progress, sources: event.sources };
    else if (event.kind === 'source') this.#progress = { ...this.#progress, done: event.done };
    else {
      const { status, chunks: stored = 0 } = event.outcome;
      const alsoFailed = status === 'failed' ? 1 : 0;
      this.#progress = { ...this.#progress, failed: failed + alsoFailed, chunks: chunks + stored };
    }
  }

  /** Writes nothing more; resolves when what was under way is written. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#writing;
  }

  #turn(): void {
    this.#turns += 1;
    const isNew = this.#progress !== this.#written;
    if (this.#writing || (!isNew && this.#turns % ASKED_EVERY !== 0)) return;
    this.#writing = this.#write().finally(() => {
      this.#writing = undefined;
    });
  }

  async #write(): Promise<void> {
    const progress = this.#progress;
    try {
      const news = progress === this.#written ? {} : progress;
      const told = await this.#tell(news);
      this.#written = progress;
      if (told !== 'goes on') this.#onEnd(told);
    } catch {
      // The next turn tries again; trouble that lasts is met by the ingest itself, which tells of it.
    }
  }
}
