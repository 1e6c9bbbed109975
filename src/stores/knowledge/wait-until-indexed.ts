import { setTimeout as sleep } from 'node:timers/promises';
import { StackloreError } from '../../errors.ts';

/** How far the background scan of an index is. */
export interface ScanProgress {
  readonly indexing: boolean;
  /** 0 to 1. */
  readonly percentIndexed: number;
}

const POLL_MS = 50;
const STALLED_MS = 60_000;

/** Gives what was read of an index once its scan has ended. Throws `busy` when that made no progress for `stalledMs`. */
export async function waitUntilIndexed<Progress extends ScanProgress>(
  index: string,
  read: () => Promise<Progress>,
  { stalledMs = STALLED_MS, now = Date.now, pause = () => sleep(POLL_MS) as Promise<unknown> } = {},
): Promise<Progress> {
  let furthest = -1;
  let movedAt = 0;
  for (;;) {
    const progress = await read();
    const { indexing, percentIndexed } = progress;
    if (!indexing) return progress;
    if (percentIndexed > furthest) {
      furthest = percentIndexed;
      movedAt = now();
    } else if (now() - movedAt >= stalledMs) {
      throw new StackloreError('busy', {
        message: `Index "${index}" is being built, but has stood at ${Math.floor(furthest * 100)} % for ${Math.round(stalledMs / 1_000)} s. Wait until the server is less busy, then repeat; stacklore status shows how far it is.`,
      });
    }
    await pause();
  }
}
