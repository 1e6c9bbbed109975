import { setTimeout as sleep } from 'node:timers/promises';
import { StackloreError } from '../../errors.ts';

/** How far the background scan of an index is. */
export interface ScanProgress {
  readonly indexing: boolean;
  /** From 0; beyond 1 where the scan goes once more through what was written since it began. */
  readonly percentIndexed: number;
}

const POLL_MS = 50;
/** A server spends a tenth of its time on telling how far it is, at most. */
const REST_PER_LOOK = 10;
/** A look may also have waited for a connection, which says nothing of the next one. */
const LONGEST_REST_MS = 20_000;
const STALLED_MS = 60_000;

/**
 * How long to leave a server alone that took so long to tell of an index; ms. With 500,000 chunks in HNSW, FT.INFO takes
 * a fifth of a second, in which nobody else is served.
 */
export function restAfterLook(tookMs: number, leastMs: number): number {
  return Math.max(leastMs, Math.min(tookMs * REST_PER_LOOK, LONGEST_REST_MS));
}

/** Gives what was read of an index once its scan has ended. Throws `busy` when that made no progress for `stalledMs`. */
export async function waitUntilIndexed<Progress extends ScanProgress>(
  index: string,
  read: () => Promise<Progress>,
  { stalledMs = STALLED_MS, now = Date.now, pause = (ms: number) => sleep(ms) as Promise<unknown> } = {},
): Promise<Progress> {
  let furthest = -1;
  let movedAt = 0;
  for (;;) {
    const asked = now();
    const progress = await read();
    const answered = now();
    const { indexing, percentIndexed } = progress;
    if (!indexing) return progress;
    if (percentIndexed > furthest) {
      furthest = percentIndexed;
      movedAt = answered;
    } else if (answered - movedAt >= stalledMs) {
      throw new StackloreError('busy', {
        message: `Index "${index}" is being built, but has stood at ${Math.floor(Math.min(1, furthest) * 100)} % for ${Math.round(stalledMs / 1_000)} s. Wait until the server is less busy, then repeat; stacklore status shows how far it is.`,
      });
    }
    await pause(restAfterLook(answered - asked, POLL_MS));
  }
}
