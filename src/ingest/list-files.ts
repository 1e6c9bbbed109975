import type { Stats } from 'node:fs';
import { lstat, readdir, realpath, stat } from 'node:fs/promises';
import { basename, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { glob, isDynamicPattern } from 'tinyglobby';
import { StackloreError } from '../errors.ts';
import { IgnoreRules } from './ignore-rules.ts';
import { failed, type ReadOptions, type SourceProblem, type SourceRef, skipped } from './source.ts';

/** Folders that hold no documents of one's own. */
const NEVER_ENTERED = ['node_modules', '.git'];

/** The files of a path: of a file itself, of a folder all below it, of a glob all it matches. */
export async function* listFiles(
  input: string,
  options: ReadOptions,
): AsyncGenerator<SourceRef | SourceProblem> {
  const path = resolve(options.cwd ?? '.', input);
  const found = await statOrError(path);
  if (!('error' in found)) {
    if (found.stats.isDirectory()) yield* listFolder(path, options);
    else yield toRef(path, found.stats, options);
  } else if (isMissing(found.error) && isDynamicPattern(input)) {
    yield* listGlob(input, options);
  } else {
    yield failed(canonicalPath(path, options), unreadable(path, found.error));
  }
}

/** The canonical source of a file: its absolute path, or below `base` the path from there. */
export function canonicalPath(path: string, { base, cwd = '.' }: ReadOptions): string {
  if (base === undefined) return path;
  const below = relative(resolve(cwd, base), path);
  return below === '' || below.startsWith('..') || isAbsolute(below) ? path : below.split(sep).join('/');
}

/** What went wrong with a path, and what to do about it. */
export function unreadable(path: string, cause: unknown): StackloreError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  const message = `${path} ${REASONS[code] ?? `cannot be read (${cause instanceof Error ? cause.message : String(cause)}).`}`;
  return new StackloreError('source_unreadable', { message, cause });
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist. Check the spelling, and the folder you started from.',
  ENOTDIR: 'does not exist: a part of the path is a file and no folder. Check the spelling.',
  EACCES: 'may not be read by this user. Change its permissions, or run as a user who may.',
  EPERM: 'may not be read by this user. Change its permissions, or run as a user who may.',
  ELOOP: 'is a symbolic link that leads back to itself. Correct or remove the link.',
  ENAMETOOLONG: 'is too long for a path. Check the spelling.',
};

/** A folder's files in the order of their names; what symbolic links add comes after everything that is really there. */
async function* listFolder(root: string, options: ReadOptions): AsyncGenerator<SourceRef | SourceProblem> {
  const rules = options.gitignore === false ? undefined : await IgnoreRules.open(root);
  const visited = new Set<string>([await realpath(root).catch(() => root)]);
  const links: string[] = [];
  yield* walk(root);
  for (const link of links) {
    const target = await realpath(link).catch((error: unknown) => ({ error }));
    if (typeof target !== 'string')
      yield failed(canonicalPath(link, options), brokenLink(link, target.error));
    else if (!visited.has(target)) {
      visited.add(target);
      const found = await statOrError(link);
      if ('error' in found) yield failed(canonicalPath(link, options), unreadable(link, found.error));
      else if (found.stats.isDirectory()) yield* walk(link);
      else yield toRef(link, found.stats, options);
    }
  }

  /** Every real folder and file is noted, so that links only add what would not be listed anyway. */
  async function* walk(folder: string): AsyncGenerator<SourceRef | SourceProblem> {
    const real = await realpath(folder).catch(() => folder);
    const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => ({ error }));
    if ('error' in entries) {
      yield failed(canonicalPath(folder, options), unreadable(folder, entries.error));
      return;
    }
    for (const entry of entries.sort(byName)) {
      const path = join(folder, entry.name);
      const isFolder = entry.isDirectory();
      if (entry.name.startsWith('.') || NEVER_ENTERED.includes(entry.name)) continue;
      if (await rules?.isIgnored(path, isFolder)) continue;
      if (entry.isSymbolicLink()) {
        links.push(path);
        continue;
      }
      const target = join(real, entry.name);
      if (visited.has(target)) continue;
      visited.add(target);
      if (isFolder) yield* walk(path);
      else yield toRef(path, entry, options);
    }
  }
}

async function* listGlob(pattern: string, options: ReadOptions): AsyncGenerator<SourceRef | SourceProblem> {
  const cwd = resolve(options.cwd ?? '.');
  const ignored = NEVER_ENTERED.filter((name) => !pattern.includes(name)).map((name) => `**/${name}/**`);
  // Links are not followed: a glob names what it wants, and a link's loop would make it endless.
  const globOptions = {
    cwd,
    absolute: true,
    expandDirectories: false,
    followSymbolicLinks: false,
    ignore: ignored,
  };
  const paths = (await glob(pattern, globOptions)).map((path) => resolve(path)).sort();
  const rules = options.gitignore === false ? undefined : await IgnoreRules.open(fixedPart(cwd, pattern));
  let count = 0;
  for (const path of paths) {
    if (await rules?.isIgnoredFile(path)) continue;
    count += 1;
    const found = await statOrError(path);
    if ('error' in found) yield failed(canonicalPath(path, options), unreadable(path, found.error));
    else if (!found.stats.isDirectory()) yield toRef(path, found.stats, options);
  }
  if (count > 0) return;
  const reason = paths.length > 0 ? 'matches only files that .gitignore leaves out' : 'matches no file';
  yield failed(
    pattern,
    new StackloreError('source_unreadable', {
      message: `${pattern} ${reason}. Check the pattern and the folder you started from (${cwd}).`,
    }),
  );
}

/** The folder that everything a pattern matches lies in. */
function fixedPart(cwd: string, pattern: string): string {
  const parts = pattern.split('/');
  const firstDynamic = parts.findIndex((part) => isDynamicPattern(part));
  return resolve(cwd, parts.slice(0, firstDynamic).join('/') || (pattern.startsWith('/') ? '/' : '.'));
}

function toRef(path: string, kind: Pick<Stats, 'isFile'>, options: ReadOptions): SourceRef | SourceProblem {
  const source = canonicalPath(path, options);
  if (kind.isFile()) return { kind: 'file', source, location: path, name: basename(path) };
  return skipped(
    source,
    'unsupported_type',
    `${path} is a pipe, a socket or a device. Give - to read standard input, or a file.`,
  );
}

function brokenLink(link: string, cause: unknown): StackloreError {
  const isLoop = cause instanceof Error && 'code' in cause && cause.code === 'ELOOP';
  if (isLoop) return unreadable(link, cause);
  return new StackloreError('source_unreadable', {
    message: `${link} is a symbolic link to something that does not exist. Correct or remove the link.`,
    cause,
  });
}

async function statOrError(path: string): Promise<{ readonly stats: Stats } | { readonly error: unknown }> {
  try {
    return { stats: await stat(path) };
  } catch (error) {
    const isLink = await lstat(path).then(
      (found) => found.isSymbolicLink(),
      () => false,
    );
    return { error: isLink && isMissing(error) ? brokenLink(path, error) : error };
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}

function byName(left: { readonly name: string }, right: { readonly name: string }): number {
  return left.name < right.name ? -1 : left.name > right.name ? 1 : 0;
}
