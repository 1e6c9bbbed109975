import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, resolve, sep } from 'node:path';
import { isDynamicPattern } from 'tinyglobby';
import { StackloreError } from '../errors.ts';
import { IgnoreRules } from './ignore-rules.ts';

/** How folders are watched. */
export interface WatchOptions {
  /** Ends the watching. */
  readonly signal: AbortSignal;
  /** Changes closer together than this are handed over together (300). */
  readonly debounceMs?: number;
  /** Files that a `.gitignore` names are left out (true). */
  readonly gitignore?: boolean;
  /** Called once, when changes from now on will be seen. */
  readonly onReady?: () => void;
  /** Called when watching or handing over fails; watching goes on. */
  readonly onError?: (error: unknown) => void;
}

/** What a batch of changes is handed to: files that were added or changed, and files that are gone. */
export type ChangeHandler = (changed: readonly string[], removed: readonly string[]) => Promise<void> | void;

/** The sources that can be watched: URLs and `-` are left out. Throws `invalid_input` for globs, and when none is left. */
export function watchablePaths(sources: readonly string[]): string[] {
  const paths = sources.filter((source) => source !== '-' && !/^[a-z][a-z0-9+.-]*:\/\//i.test(source));
  const pattern = paths.find((path) => isDynamicPattern(path) && !existsSync(path));
  if (pattern === undefined && paths.length > 0) return paths;
  const what =
    pattern === undefined ? 'URLs and standard input cannot be watched' : `${pattern} cannot be watched`;
  throw new StackloreError('invalid_input', {
    message: `${what}, only folders and files. Name a folder or a file, or leave out --watch.`,
  });
}

/** Calls `onChange` with what changes in the given paths until the signal aborts. Calls never overlap. */
export async function watchSources(
  paths: readonly string[],
  onChange: ChangeHandler,
  options: WatchOptions,
): Promise<void> {
  const { signal, debounceMs = 300, gitignore = true, onReady, onError } = options;
  if (signal.aborted) return;
  const { watch } = await import('chokidar');
  const roots = paths.map((path) => resolve(path));
  const isHidden = (path: string): boolean => /^(?:\..|node_modules$)/.test(basename(path));
  const watcher = watch(roots, {
    ignoreInitial: true,
    ignored: (path) => !roots.includes(path) && isHidden(path),
  });
  const waiting = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;

  const handOver = async (): Promise<void> => {
    const batch = [...waiting].sort();
    waiting.clear();
    try {
      const { changed, removed } = await sortOut(batch, roots, gitignore);
      if (changed.length + removed.length > 0) await onChange(changed, removed);
    } catch (error) {
      onError?.(error);
    }
    running = undefined;
    if (waiting.size > 0 && !signal.aborted) plan();
  };
  const plan = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      running ??= handOver();
    }, debounceMs);
  };
  watcher.on('all', (event, path) => {
    if (event === 'addDir' || event === 'unlinkDir') return;
    waiting.add(path);
    if (running === undefined) plan();
  });
  watcher.on('error', (error) => onError?.(error));
  watcher.on('ready', () => onReady?.());

  await new Promise<void>((end) => signal.addEventListener('abort', () => end(), { once: true }));
  clearTimeout(timer);
  await watcher.close();
  await running;
}

/** Parts what is there from what is gone; new files that `.gitignore` names are left out. */
async function sortOut(
  batch: readonly string[],
  roots: readonly string[],
  gitignore: boolean,
): Promise<{ readonly changed: readonly string[]; readonly removed: readonly string[] }> {
  const changed: string[] = [];
  const removed: string[] = [];
  // Read anew for every batch: the rules may be what changed.
  const rules = new Map<string, IgnoreRules>();
  for (const path of batch) {
    const found = await stat(path).catch(() => undefined);
    if (found === undefined) removed.push(path);
    if (!found?.isFile()) continue;
    const root = roots.find((folder) => path.startsWith(folder + sep));
    if (gitignore && root !== undefined) {
      const known = rules.get(root) ?? (await IgnoreRules.open(root));
      rules.set(root, known);
      if (await known.isIgnoredFile(path)) continue;
    }
    changed.push(path);
  }
  return { changed, removed };
}
