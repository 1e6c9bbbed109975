import { basename } from 'node:path';

/** How folders are watched. */
export interface WatchOptions {
  /** Ends the watching. */
  readonly signal: AbortSignal;
  /** Changes closer together than this are handed over together (300). */
  readonly debounceMs?: number;
  /** Called once, when changes from now on will be seen. */
  readonly onReady?: () => void;
  /** Called when watching itself fails, e.g. because the system allows no more watches. */
  readonly onError?: (error: unknown) => void;
}

/**
 * Calls `onChange` with the files that were added, changed or removed, until the signal aborts. Calls never overlap:
 * what changes during one is handed to the next.
 */
export async function watchSources(
  paths: readonly string[],
  onChange: (paths: readonly string[]) => Promise<void> | void,
  { signal, debounceMs = 300, onReady, onError }: WatchOptions,
): Promise<void> {
  if (signal.aborted) return;
  const { watch } = await import('chokidar');
  const roots = new Set(paths);
  const isHidden = (path: string): boolean => /^(?:\..|node_modules$)/.test(basename(path));
  const watcher = watch([...paths], {
    ignoreInitial: true,
    ignored: (path) => !roots.has(path) && isHidden(path),
  });
  const changed = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;

  const handOver = async (): Promise<void> => {
    const batch = [...changed].sort();
    changed.clear();
    try {
      if (batch.length > 0) await onChange(batch);
    } catch (error) {
      onError?.(error);
    }
    running = undefined;
    if (changed.size > 0 && !signal.aborted) plan();
  };
  const plan = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      running ??= handOver();
    }, debounceMs);
  };
  watcher.on('all', (event, path) => {
    if (event === 'addDir' || event === 'unlinkDir') return;
    changed.add(path);
    if (running === undefined) plan();
  });
  watcher.on('error', (error) => onError?.(error));
  watcher.on('ready', () => onReady?.());

  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  clearTimeout(timer);
  await watcher.close();
  await running;
}
