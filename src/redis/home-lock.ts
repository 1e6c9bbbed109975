import { errorMessage, StackloreError } from '../errors.ts';
import { withFileLock } from '../provision/file-lock.mjs';
import type { DataHome } from './data-home.ts';
import { remedyFor } from './server-process.ts';

/**
 * Runs `work` while no other command starts, replaces or stops the server of this data home. Throws `busy` when another
 * one takes very long, `server_failed` when the home cannot hold a lock.
 */
export async function withHomeLock<T>(
  { home, lockPath }: DataHome,
  onNotice: (text: string) => void,
  work: () => Promise<T>,
): Promise<T> {
  const onWait = (pid: number): void =>
    onNotice(`Another command (process ${pid}) is starting or stopping the search server; waiting for it.`);
  let isHeld = false;
  const workHolding = (): Promise<T> => {
    isHeld = true;
    return work();
  };
  try {
    return await withFileLock(lockPath, workHolding, { onWait });
  } catch (cause) {
    if (isHeld) throw cause;
    const problem = errorMessage(cause);
    if (cause instanceof Error && 'code' in cause && cause.code === 'LOCK_TIMEOUT') {
      throw new StackloreError('busy', { message: problem, cause });
    }
    throw new StackloreError('server_failed', {
      message: `The data home ${home} cannot be written to (${problem}). ${remedyFor(problem)}`,
      cause,
    });
  }
}
