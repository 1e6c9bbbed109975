import type { IngestLease, IngestLeases } from '../stores/knowledge/ingest-leases.ts';

/** A source that is held until whoever began something with it has ended it. */
export interface HeldSource {
  /** Once more in use. */
  begin(): void;
  /** No longer in use by one; the last one gives the source back. */
  end(): Promise<void>;
}

/** The sources that a run ingests at a moment, each held for this process alone. */
export class HeldSources {
  readonly #leases: IngestLeases;
  readonly #collection: string;
  readonly #signal: AbortSignal;
  readonly #held = new Map<string, HeldSource>();

  constructor(
    leases: IngestLeases,
    { collection, signal }: { readonly collection: string; readonly signal: AbortSignal },
  ) {
    this.#leases = leases;
    this.#collection = collection;
    this.#signal = signal;
  }

  /** What is read of a source, which is held until each of that is ended; nothing when the run is being ended. */
  async *during<T>(source: string, read: (held: HeldSource) => AsyncGenerator<T>): AsyncGenerator<T> {
    const held = await this.#hold(source);
    if (!held) return;
    try {
      for await (const item of read(held)) {
        held.begin();
        yield item;
      }
    } finally {
      await held.end();
    }
  }

  /** A run does not wait for itself: texts of one source share its lease. */
  async #hold(source: string): Promise<HeldSource | undefined> {
    const known = this.#held.get(source);
    if (known) {
      known.begin();
      return known;
    }
    const lease = await this.#leases.hold([`source ${this.#collection} ${source}`], this.#signal);
    return lease && this.#enter(source, lease);
  }

  #enter(source: string, lease: IngestLease): HeldSource {
    let uses = 1;
    const held: HeldSource = {
      begin: () => {
        uses += 1;
      },
      end: async () => {
        uses -= 1;
        if (uses > 0) return;
        this.#held.delete(source);
        await lease.release();
      },
    };
    this.#held.set(source, held);
    return held;
  }
}
