import { lstat, stat } from 'node:fs/promises';
import { isAbsolute, resolve, sep } from 'node:path';
import { StackloreError } from '../errors.ts';
import type { Documents } from '../stores/knowledge/documents.ts';
import type { ReadOptions } from './source.ts';
import type { DocumentOutcome } from './tally.ts';

/** Documents whose sources are gone, by id. */
export type Vanished = ReadonlyMap<string, string>;

/**
 * The documents of a collection whose files no longer exist below the given folders. A folder that itself is missing
 * counts for nothing: an unmounted disk must not empty a collection.
 */
export async function findVanished(
  documents: Documents,
  collection: string,
  { sources, read: { cwd = '.', base } }: { readonly sources: readonly string[]; readonly read: ReadOptions },
): Promise<Vanished> {
  const roots = await existingFolders(sources, cwd);
  const vanished = new Map<string, string>();
  if (roots.length === 0) return vanished;
  for await (const { docId, source } of documents.all(collection)) {
    const path = pathOf(source, base === undefined ? undefined : resolve(cwd, base));
    if (path === undefined || !roots.some((root) => path === root || path.startsWith(root + sep))) continue;
    if (!(await exists(path)) && !(await exists(withoutRow(path)))) vanished.set(docId, source);
  }
  return vanished;
}

/** Deletes vanished documents, and rows that completely read files no longer hold; gives each as it is deleted. */
export async function* pruneVanished(
  documents: Documents,
  collection: string,
  {
    vanished,
    rows,
  }: { readonly vanished: Vanished; readonly rows: ReadonlyMap<string, ReadonlySet<string>> },
): AsyncGenerator<DocumentOutcome> {
  for await (const { docId, source, title } of documents.all(collection)) {
    const produced = source.includes('#') ? rows.get(withoutRow(source)) : undefined;
    const rowIsGone = produced !== undefined && !produced.has(docId);
    if (!vanished.has(docId) && !rowIsGone) continue;
    await deleteIfPresent(documents, docId);
    const reason = rowIsGone ? 'The row is no longer in its file.' : 'The file no longer exists.';
    yield { source, docId, title, status: 'pruned', reason };
  }
}

/** Deletes a document that another process may have deleted a moment ago. */
export async function deleteIfPresent(documents: Documents, docId: string): Promise<void> {
  await documents.delete(docId).catch((error: unknown) => {
    if (!(error instanceof StackloreError && error.code === 'not_found')) throw error;
  });
}

/** The source of the file that a row's source points into: `data.csv` of `data.csv#17`. */
export function withoutRow(source: string): string {
  const at = source.lastIndexOf('#');
  return at === -1 ? source : source.slice(0, at);
}

async function existingFolders(sources: readonly string[], cwd: string): Promise<string[]> {
  const folders: string[] = [];
  for (const source of sources) {
    if (source === '-' || /^https?:/i.test(source)) continue;
    const path = resolve(cwd, source);
    const isFolder = await stat(path).then(
      (found) => found.isDirectory(),
      () => false,
    );
    if (isFolder) folders.push(path);
  }
  return folders;
}

function pathOf(source: string, base: string | undefined): string | undefined {
  if (/^[a-z][a-z0-9+.-]+:/i.test(source)) return undefined;
  if (isAbsolute(source)) return source;
  return base === undefined ? undefined : resolve(base, source);
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}
