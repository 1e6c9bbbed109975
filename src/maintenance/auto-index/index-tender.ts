import { restAfterLook } from '../../stores/knowledge/wait-until-indexed.ts';
import { Growth } from './growth.ts';
import { type Tended, type TendParts, tendIndex } from './tend-index.ts';

/** How soon a collection is looked at again: one where nothing was to do, and one whose index is on its way. */
const IDLE_MS = 5_000;
const ACTIVE_MS = 1_000;

/** After these nothing is expected to change soon: only work on the collection has it looked at again. */
const RESTING: ReadonlySet<Tended | 'failed'> = new Set(['settled', 'no-room', 'failed']);

/** The collections that a search names. */
export interface Searched {
  readonly collection?: string | undefined;
  readonly collections?: readonly string[] | undefined;
}

/** Looks after the indexes of `auto` collections beside the work that makes them grow and shrink; nothing waits for it. */
export class IndexTender {
  readonly #parts: TendParts & { readonly growth: Growth };
  readonly #idleMs: number;
  readonly #activeMs: number;
  readonly #running = new Map<string, Promise<void>>();
  readonly #due = new Map<string, number>();
  /** Collections whose HNSW waits for the end of what fills them. */
  readonly #filling = new Set<string>();
  readonly #timers = new Map<string, NodeJS.Timeout>();
  #isClosed = false;

  constructor(parts: TendParts, { idleMs = IDLE_MS, activeMs = ACTIVE_MS } = {}) {
    this.#parts = { growth: new Growth(), ...parts };
    this.#idleMs = idleMs;
    this.#activeMs = activeMs;
  }

  /** Looks at collections in a moment, unless that was done a short while ago. Never fails. */
  nudge(names: readonly string[]): void {
    for (const name of names) {
      const isDue = performance.now() >= (this.#due.get(name) ?? 0);
      if (this.#isClosed || !isDue || this.#running.has(name)) continue;
      this.#running.set(name, this.#look(name));
    }
  }

  /** Looks at collections in a moment, also where that was done a short while ago: it was before what was done now. Never fails. */
  again(names: readonly string[]): void {
    for (const name of names) this.#due.delete(name);
    this.nudge(names);
  }

  /** Looks at collections now. Throws what the server answers. */
  async tend(names: readonly string[]): Promise<Record<string, Tended>> {
    const tended = await Promise.all(names.map((name) => tendIndex(this.#parts, name)));
    return Object.fromEntries(names.map((name, at) => [name, tended[at] as Tended]));
  }

  /** Does a search, and looks at its collections afterwards. */
  async after<T>({ collection, collections }: Searched, work: () => Promise<T>): Promise<T> {
    const done = await work();
    this.nudge(collections ?? [collection ?? 'default']);
    return done;
  }

  /** Does work, and looks at collections again and again meanwhile and once afterwards. */
  async during<T>(names: readonly string[], work: () => Promise<T>): Promise<T> {
    this.nudge(names);
    const timer = setInterval(() => this.nudge(names), this.#idleMs).unref();
    try {
      return await work();
    } finally {
      clearInterval(timer);
      this.again(names);
    }
  }

  /** Ends once what is under way is done, and what waited is begun. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const timer of this.#timers.values()) clearTimeout(timer);
    await Promise.all(this.#running.values());
    // Whoever filled them has ended, and nobody may come who looks at them again.
    for (const name of this.#filling) this.#parts.growth.forget(name);
    await Promise.all([...this.#filling].map((name) => this.#look(name)));
  }

  async #look(name: string): Promise<void> {
    const asked = performance.now();
    // What cannot be done now, as the server is away, full or forbids it, a later search may do, or others.
    const tended = await tendIndex(this.#parts, name).catch(() => 'failed' as const);
    if (tended === 'filling') this.#filling.add(name);
    else this.#filling.delete(name);
    const answered = performance.now();
    const isActive = !RESTING.has(tended);
    const leastMs = isActive ? this.#activeMs : this.#idleMs;
    const rest = tended === 'failed' ? leastMs : restAfterLook(answered - asked, leastMs);
    this.#due.set(name, answered + rest);
    this.#running.delete(name);
    clearTimeout(this.#timers.get(name));
    if (!isActive || this.#isClosed) return;
    this.#timers.set(name, setTimeout(() => this.nudge([name]), rest + 1).unref());
  }
}
