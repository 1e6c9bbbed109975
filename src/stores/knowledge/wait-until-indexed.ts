import { setTimeout as sleep } from 'node:timers/promises';
import { StackloreError } from '../../errors.ts';

/** How far the background scan of an index is. */
export interface ScanProgress {
  readonly indexing: boolean;
  /** 0 to 1. */
  readonly percentIndexed: number;
  /** Grows beyond what the scan began with where chunks are written meanwhile. */
  readonly documents: number;
}

const POLL_MS = 50;
/** A server spends a tenth of its time on telling how far it is, at most. */
const REST_PER_LOOK = 10;
const STALLED_MS = 60_000;

/**
 * How long to leave a server alone that took so long to tell of an index; ms. With 500,000 chunks in HNSW, FT.INFO takes
 * a fifth of a second, in which nobody else is served.
 */
export function restAfterLook(tookMs: number, leastMs: number): number {
  return Math.max(leastMs, tookMs * REST_PER_LOOK);
}

/** Gives what was read of an index once its scan has ended. Throws `busy` when that made no progress for `stalledMs`. */
export async function waitUntilIndexed<Progress extends ScanProgress>(
  index: string,
  read: () => Promise<Progress>,
  { stalledMs = STALLED_MS, now = Date.now, pause = (ms: number) => sleep(ms) as Promise<unknown> } = {},
): Promise<Progress> {
  let furthest = -1;
  let most = -1;
  let movedAt = 0;
  for (;;) {
    const asked = now();
    const progress = await read();
    const answered = now();
    const { indexing, percentIndexed, documents } = progress;
    if (!indexing) return progress;
    if (percentIndexed > furthest || documents > most) {
      furthest = Math.max(furthest, percentIndexed);
      most = Math.max(most, documents);
      movedAt = answered;
    } else if (answered - movedAt >= stalledMs) {
      throw new StackloreError('busy', {
        message: `Index "${index}" is being built, but has stood at ${Math.floor(furthest * 100)} % for ${Math.round(stalledMs / 1_000)} s. Wait until the server is less busy, then repeat; stacklore status shows how far it is.`,
      });
    }
    await pause(restAfterLook(answered - asked, POLL_MS));
  }
}
