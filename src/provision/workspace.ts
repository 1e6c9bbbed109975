import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { StackloreError } from '../errors.ts';
import { withFileLock } from './file-lock.mjs';
import { folderProblem, isFolderProblem } from './folder-problem.ts';
import { makeFolder } from './make-folder.mjs';
import type { ProvisionReport } from './report.ts';

/** What `provisionOnce` works with. */
export interface ProvisionJob<T> {
  /** The folder of provisioned files. */
  readonly dir: string;
  /** `server` or `model`: names the lock and the temporary folders. */
  readonly kind: string;
  /** Looks whether the work is already done. */
  find(): Promise<T | undefined>;
  /** Does the work inside a temporary folder on the same file system, which vanishes afterwards. */
  fetch(workDir: string): Promise<T>;
  readonly report: ProvisionReport;
}

/**
 * Runs `fetch` in one process at a time, unless another one did the work meanwhile; remains of killed ones are removed.
 * Throws `invalid_config` when the folder cannot be written, `busy` when another process holds it for too long.
 */
export async function provisionOnce<T>({ dir, kind, find, fetch, report }: ProvisionJob<T>): Promise<T> {
  prepareFolder(dir);
  const onWait = (pid: number) =>
    report({ kind: 'note', what: kind, message: `waiting for process ${pid}, which is fetching it` });
  try {
    return await withFileLock(
      join(dir, `${kind}.lock`),
      async () => {
        const found = await find();
        if (found !== undefined) return found;
        await removeRemains(dir, kind);
        const workDir = await mkdtemp(join(dir, `.${kind}-`));
        try {
          return await fetch(workDir);
        } finally {
          await rm(workDir, { recursive: true, force: true });
        }
      },
      { timeoutMs: 1_800_000, onWait },
    );
  } catch (error) {
    if (isFolderProblem(error)) throw folderProblem(dir, error);
    if (!(error instanceof Error && 'code' in error && error.code === 'LOCK_TIMEOUT')) throw error;
    throw new StackloreError('busy', { message: error.message, cause: error });
  }
}

/** Puts a finished folder in its place in one step; whatever was there before is removed. */
export async function publishFolder(finished: string, target: string): Promise<void> {
  const old = `${finished}.${randomUUID()}`;
  prepareFolder(join(target, '..'));
  try {
    await rename(target, old);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  }
  await rename(finished, target);
  await rm(old, { recursive: true, force: true });
}

function prepareFolder(dir: string): void {
  try {
    makeFolder(dir, 0o700);
  } catch (cause) {
    throw folderProblem(dir, cause);
  }
}

async function removeRemains(dir: string, kind: string): Promise<void> {
  const remains = (await readdir(dir)).filter((name) => name.startsWith(`.${kind}-`));
  await Promise.all(remains.map((name) => rm(join(dir, name), { recursive: true, force: true })));
}
