/** Chunks a second from which on a collection counts as being filled: with HNSW, each of them would take the server 0.5 to 2 ms. */
const FAST = 200;
/** Looks that follow each other sooner tell no rate. */
const LEAST_MS = 1_000;

interface Sample {
  readonly chunks: number;
  readonly atMs: number;
  /** Chunks a second up to then; 0 while only one look was taken. */
  readonly rate: number;
}

/** How fast collections grow, as this process sees them from look to look. */
export class Growth {
  readonly #now: () => number;
  readonly #fast: number;
  readonly #samples = new Map<string, Sample>();

  constructor({ now = () => performance.now(), fast = FAST } = {}) {
    this.#now = now;
    this.#fast = fast;
  }

  /** Takes note of how many chunks a collection has at the moment. */
  note(name: string, chunks: number): void {
    const before = this.#samples.get(name);
    const atMs = this.#now();
    if (before && atMs - before.atMs < LEAST_MS) return;
    const rate = before ? ((chunks - before.chunks) / (atMs - before.atMs)) * 1_000 : 0;
    this.#samples.set(name, { chunks, atMs, rate });
  }

  /** Whether a collection is being filled fast, by the last looks. */
  isFast(name: string): boolean {
    return (this.#samples.get(name)?.rate ?? 0) >= this.#fast;
  }

  /** Lets the next look be the first one, after which nothing is known to be fast. */
  forget(name: string): void {
    this.#samples.delete(name);
  }
}
