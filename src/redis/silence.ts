/** What is watched. */
export interface Watched {
  /** Asks elsewhere whether another server has taken this one's place; without it nothing is watched. */
  readonly isSuperseded: (() => Promise<boolean>) | undefined;
  /** Since when (`performance.now()`) a call waits without any answer, if one does. */
  readonly silentSince: () => number | undefined;
  /** Told once that nothing will come any more. */
  readonly onSuperseded: () => void;
}

const LOOKED_EVERY_MS = 500;
/** A server that is cut off ends no connection: without asking, its calls would wait until their deadlines. */
const SILENT_MS = 1_500;

/** Looks whether a server that gives no answer has been replaced. Gives what ends the watch. */
export function watchSilence({ isSuperseded, silentSince, onSuperseded }: Watched): () => void {
  if (!isSuperseded) return () => {};
  let isAsking = false;
  const look = async (): Promise<void> => {
    const since = silentSince();
    if (isAsking || since === undefined || performance.now() - since < SILENT_MS) return;
    isAsking = true;
    const isGone = await isSuperseded().catch(() => false);
    isAsking = false;
    // It may have answered meanwhile, or have been closed.
    if (!isGone || silentSince() !== since) return;
    clearInterval(timer);
    onSuperseded();
  };
  const timer = setInterval(() => void look(), LOOKED_EVERY_MS).unref();
  return () => clearInterval(timer);
}
