import { constants, type Dirent } from 'node:fs';
import { lstat, mkdir, open, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, extname, join } from 'node:path';
import { type ErrorCode, errorMessage, StackloreError } from '../errors.ts';
import { makeFolder } from '../provision/make-folder.mjs';
import type { SaveOutcome } from '../stores/prompts/stored-prompts.ts';
import { nameOfStem, parsePromptFile, textValue } from './prompt-file.ts';
import {
  FOLDERS,
  PROMPT_FILES,
  PROMPT_KINDS,
  type PromptKind,
  type PromptParts,
  type SavedFile,
  savePromptFile,
} from './prompt-kinds.ts';

/** Which prompts are exchanged, and whether really. */
export interface PromptFilesOptions {
  /** All kinds when left out. */
  readonly kinds?: readonly PromptKind[];
  /** Tells what would be done and does nothing. */
  readonly dryRun?: boolean;
}

/** What became of one prompt. */
export interface PromptFileOutcome {
  readonly kind: PromptKind;
  /** The file's path below the folder; of a stored prompt that cannot be exported, its key. */
  readonly path: string;
  readonly outcome: SaveOutcome | 'failed';
  /** What looks like a mistake in the prompt; absent when nothing does. */
  readonly warnings?: readonly string[];
  /** Why it failed. */
  readonly error?: string;
}

/** What became of every prompt, and how often. */
export interface PromptFilesReport {
  readonly dryRun: boolean;
  readonly files: PromptFileOutcome[];
  readonly created: number;
  readonly updated: number;
  readonly unchanged: number;
  readonly failed: number;
}

const MAX_FILE_BYTES = 5_000_000;
/** What is the matter with one file or prompt; any other error ends the whole work. */
const OF_ONE_FILE: readonly ErrorCode[] = [
  ...(['invalid_input', 'parse_failed', 'too_large', 'record_invalid'] as const),
  ...(['already_exists', 'source_unreadable'] as const),
];

/** Writes every prompt into a folder, one file each; files of prompts that are gone stay. */
export async function exportPrompts(
  parts: PromptParts,
  folder: string,
  { kinds = PROMPT_KINDS, dryRun = false }: PromptFilesOptions = {},
): Promise<PromptFilesReport> {
  const files: PromptFileOutcome[] = [];
  for (const kind of kinds) {
    const { items, unreadable } = await PROMPT_FILES[kind](parts);
    for (const { path, text } of items) {
      const file = { path, text, dryRun, isForOwner: kind === 'user' };
      files.push(await outcomeOf({ kind, path }, () => writePromptFile(folder, file)));
    }
    for (const { key, message } of unreadable) {
      files.push({ kind, path: key, outcome: 'failed', error: message });
    }
  }
  return report(files, dryRun);
}

/**
 * Saves every prompt of a folder as `exportPrompts` lays it out; one bad file never stops the rest. Prompts that no
 * file names stay. Throws `source_unreadable` when the folder is none.
 */
export async function importPrompts(
  parts: PromptParts,
  folder: string,
  { kinds = PROMPT_KINDS, dryRun = false }: PromptFilesOptions = {},
): Promise<PromptFilesReport> {
  await readFolder(folder);
  const files: PromptFileOutcome[] = [];
  for (const kind of kinds) {
    const taken = new Map<string, string>();
    for await (const path of filesOf(folder, kind)) {
      const outcome = await outcomeOf({ kind, path }, async () => {
        const file = parsePromptFile(await readPromptFile(join(folder, path)));
        const ids = { ...idsOf(path), ...namesIn(file) };
        const id = JSON.stringify(kind === 'user' ? [ids.userId, ids.name] : ids.name);
        const other = taken.get(id);
        if (other !== undefined)
          throw unreadable(`It names the same prompt as ${other}. Remove one of them.`);
        taken.set(id, path);
        return savePromptFile(parts, { kind, ids, file, dryRun });
      });
      files.push(outcome);
    }
  }
  return report(files, dryRun);
}

async function outcomeOf(
  { kind, path }: { kind: PromptKind; path: string },
  work: () => Promise<SavedFile>,
): Promise<PromptFileOutcome> {
  try {
    const { outcome, warnings = [] } = await work();
    return { kind, path, outcome, ...(warnings.length > 0 && { warnings }) };
  } catch (error) {
    if (!(error instanceof StackloreError) || !OF_ONE_FILE.includes(error.code)) throw error;
    return { kind, path, outcome: 'failed', error: error.message };
  }
}

function report(files: PromptFileOutcome[], dryRun: boolean): PromptFilesReport {
  const count = (outcome: string) => files.filter((file) => file.outcome === outcome).length;
  return {
    ...{ dryRun, files, created: count('created'), updated: count('updated') },
    ...{ unchanged: count('unchanged'), failed: count('failed') },
  };
}

/** The files of a kind, sorted; links and the like are named too, to be reported when they are read. */
async function* filesOf(folder: string, kind: PromptKind): AsyncGenerator<string> {
  const { dir, extensions } = FOLDERS[kind];
  const isPrompt = ({ name }: Dirent) => extensions.includes(extname(name)) && !name.startsWith('.');
  const entries = await readFolder(join(folder, dir), []);
  if (kind !== 'user') {
    for (const entry of entries) if (!entry.isDirectory() && isPrompt(entry)) yield join(dir, entry.name);
    return;
  }
  for (const user of entries) {
    if (!user.isDirectory()) continue;
    for (const entry of await readFolder(join(folder, dir, user.name)))
      if (!entry.isDirectory() && isPrompt(entry)) yield join(dir, user.name, entry.name);
  }
}

async function readFolder(path: string, whenAbsent?: Dirent[]): Promise<Dirent[]> {
  try {
    // A link to a folder elsewhere is not followed, except for the folder that was asked for.
    if (whenAbsent !== undefined && !(await lstat(path)).isDirectory()) return whenAbsent;
    const entries = await readdir(path, { withFileTypes: true });
    return entries.sort((one, other) => (one.name < other.name ? -1 : 1));
  } catch (cause) {
    if (whenAbsent !== undefined && (cause as NodeJS.ErrnoException).code === 'ENOENT') return whenAbsent;
    throw unreadable(
      `The folder "${path}" cannot be read (${errorMessage(cause)}). Give another one.`,
      cause,
    );
  }
}

async function readPromptFile(path: string): Promise<string> {
  let bytes: Buffer;
  try {
    const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const stat = await handle.stat();
      if (!stat.isFile()) throw new Error('it is not a regular file');
      if (stat.size > MAX_FILE_BYTES) throw new Error(`it is larger than ${MAX_FILE_BYTES} bytes`);
      bytes = await handle.readFile();
    } finally {
      await handle.close();
    }
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const reason = code === 'ELOOP' ? 'it is a link, which is not followed' : errorMessage(cause);
    throw unreadable(`The file cannot be read (${reason}). Put a regular file there.`, cause);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw unreadable('The file is not UTF-8 text. Save it as UTF-8.', cause);
  }
}

function idsOf(path: string): { name: string; userId?: string } {
  const parts = path.split(/[\\/]/);
  const stem = (parts.at(-1) ?? '').slice(0, -extname(path).length);
  const user = parts.length === 3 ? parts[1] : undefined;
  return { name: nameOfStem(stem), ...(user !== undefined && { userId: nameOfStem(user) }) };
}

function namesIn(file: ReturnType<typeof parsePromptFile>): { name?: string; userId?: string } {
  const [name, userId] = [textValue(file, 'name'), textValue(file, 'user_id')];
  return { ...(name !== undefined && { name }), ...(userId !== undefined && { userId }) };
}

/**
 * Puts a file in place whole; what is there and equal stays untouched. Prompts of users are readable by nobody but the
 * owner of the file.
 */
async function writePromptFile(
  folder: string,
  { path, text, dryRun, isForOwner }: { path: string; text: string; dryRun: boolean; isForOwner: boolean },
): Promise<SavedFile> {
  const target = join(folder, path);
  try {
    const present = await readPromptFile(target).catch(() => undefined);
    if (present === text) return { outcome: 'unchanged' };
    const outcome = present === undefined ? 'created' : 'updated';
    if (dryRun) return { outcome };
    await makeFolders(folder, dirname(path));
    const temporary = join(folder, dirname(path), `.${process.pid}-${Date.now()}.tmp`);
    try {
      await writeFile(temporary, text, { flag: 'wx', mode: isForOwner ? 0o600 : 0o666 });
      await rename(temporary, target);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
    return { outcome };
  } catch (cause) {
    throw unreadable(
      `"${target}" cannot be written (${errorMessage(cause)}). Make room there, or give another folder.`,
      cause,
    );
  }
}

/** Makes the folders of a path below the export's folder, none of which may be a link that leads elsewhere. */
async function makeFolders(folder: string, path: string): Promise<void> {
  makeFolder(folder);
  let current = folder;
  for (const part of path.split(/[\\/]/)) {
    current = join(current, part);
    await mkdir(current).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
    if (!(await lstat(current)).isDirectory()) throw new Error(`"${current}" is not a folder`);
  }
}

function unreadable(message: string, cause?: unknown): StackloreError {
  return new StackloreError('source_unreadable', { message, ...(cause !== undefined && { cause }) });
}
