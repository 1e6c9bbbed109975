import { errorMessage, StackloreError } from '../errors.ts';
import { withFileLock } from '../provision/file-lock.mjs';
import type { DataHome } from './data-home.ts';

/** Runs `work` while no other command starts, replaces or stops the server of this data home. Throws `busy`. */
export async function withHomeLock<T>(
  { lockPath }: DataHome,
  onNotice: (text: string) => void,
  work: () => Promise<T>,
): Promise<T> {
  const onWait = (pid: number): void =>
    onNotice(`Another command (process ${pid}) is starting or stopping the search server; waiting for it.`);
  try {
    return await withFileLock(lockPath, work, { onWait });
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'LOCK_TIMEOUT')) throw cause;
    throw new StackloreError('busy', { message: errorMessage(cause), cause });
  }
}
