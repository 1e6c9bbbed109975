import { lstat, stat } from 'node:fs/promises';
import { isAbsolute, resolve, sep } from 'node:path';
import { StackloreError } from '../errors.ts';
import type { StoredDocument } from '../stores/knowledge/document.ts';
import type { Documents } from '../stores/knowledge/documents.ts';
import type { ReadOptions } from './source.ts';
import type { DocumentOutcome } from './tally.ts';

/** Documents whose sources are gone, by id. */
export type Vanished = Set<string>;

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
  const vanished: Vanished = new Set();
  if (roots.length === 0) return vanished;
  for await (const document of documents.all(collection)) {
    const path = pathOf(document, base === undefined ? undefined : resolve(cwd, base));
    if (path === undefined || !roots.some((root) => path === root || path.startsWith(root + sep))) continue;
    if (await isGone(path)) vanished.add(document.docId);
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
  }: {
    readonly vanished: Vanished;
    readonly rows?: ReadonlyMap<string, ReadonlySet<string>> | undefined;
  },
): AsyncGenerator<DocumentOutcome> {
  for await (const { docId, source, title, origin, container = source } of documents.all(collection)) {
    const produced = origin === 'file' ? rows?.get(container) : undefined;
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

/** The path of a document's file. Where no origin was recorded, only an absolute path is surely meant as one. */
function pathOf({ source, origin, container }: StoredDocument, base: string | undefined): string | undefined {
  const path = container ?? source;
  if (origin !== undefined && origin !== 'file') return undefined;
  if (isAbsolute(path)) return path;
  return base === undefined || origin === undefined ? undefined : resolve(base, path);
}

/** Whether a path leads nowhere; one that may not be looked at, or on a disk that fails, could still be there. */
async function isGone(path: string): Promise<boolean> {
  return lstat(path).then(
    () => false,
    (error: NodeJS.ErrnoException) => error.code === 'ENOENT' || error.code === 'ENOTDIR',
  );
}
