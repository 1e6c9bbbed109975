import type { ErrorCode } from '../errors.ts';

/** What became of one document, or of a source that gave none. */
export interface DocumentOutcome {
  readonly source: string;
  readonly status: 'created' | 'updated' | 'unchanged' | 'duplicate' | 'skipped' | 'failed' | 'pruned';
  readonly docId?: string;
  readonly title?: string;
  readonly chunks?: number;
  /** Chunks that had to be embedded; the others kept their stored vectors. */
  readonly embedded?: number;
  /** The document of the same collection that has equal text. */
  readonly duplicateOf?: string;
  readonly code?: ErrorCode;
  readonly reason?: string;
}

/** What an ingest did: how many documents ended in which status, and every one that is not simply fine. */
export interface IngestReport {
  readonly collection: string;
  readonly counts: Readonly<Record<DocumentOutcome['status'], number>>;
  readonly chunks: number;
  readonly embedded: number;
  readonly seconds: number;
  /** True when later sources were not looked at, or long documents left as they were, because of a signal or because the server is out of reach. */
  readonly interrupted: boolean;
  /** Outcomes other than `created`, `updated` and `unchanged`, at most 1,000 of them. */
  readonly problems: readonly DocumentOutcome[];
}

/** Told while an ingest runs, for a progress display. */
export type IngestEvent =
  | { readonly kind: 'listed'; readonly sources: number }
  | { readonly kind: 'source'; readonly source: string; readonly done: number }
  | { readonly kind: 'document'; readonly outcome: DocumentOutcome };

const MOST_PROBLEMS = 1_000;
const FINE: readonly DocumentOutcome['status'][] = ['created', 'updated', 'unchanged'];

/** Counts outcomes while they happen and passes each on. */
export class Tally {
  readonly #counts = { created: 0, updated: 0, unchanged: 0, duplicate: 0, skipped: 0, failed: 0, pruned: 0 };
  readonly #problems: DocumentOutcome[] = [];
  readonly #onEvent: ((event: IngestEvent) => void) | undefined;
  #chunks = 0;
  #embedded = 0;

  constructor(onEvent?: (event: IngestEvent) => void) {
    this.#onEvent = onEvent;
  }

  add(outcome: DocumentOutcome): void {
    this.#counts[outcome.status] += 1;
    this.#chunks += outcome.chunks ?? 0;
    this.#embedded += outcome.embedded ?? 0;
    if (!FINE.includes(outcome.status) && this.#problems.length < MOST_PROBLEMS) this.#problems.push(outcome);
    this.#onEvent?.({ kind: 'document', outcome });
  }

  report(collection: string, seconds: number, interrupted: boolean): IngestReport {
    return {
      collection,
      counts: { ...this.#counts },
      chunks: this.#chunks,
      embedded: this.#embedded,
      seconds,
      interrupted,
      problems: [...this.#problems],
    };
  }
}
