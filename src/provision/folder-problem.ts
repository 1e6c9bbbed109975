import { errorMessage, StackloreError } from '../errors.ts';

const CODES = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOSPC', 'EDQUOT', 'ENOTDIR', 'EISDIR']);

/** True for an error of the file system that another folder or disk would not have. */
export function isFolderProblem(error: unknown): boolean {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && CODES.has(error.code);
}

/** The error for a folder of provisioned files that cannot be made or written. */
export function folderProblem(dir: string, cause: unknown): StackloreError {
  return new StackloreError('invalid_config', {
    message: `The folder ${dir} cannot be written (${errorMessage(cause)}). Correct its permissions or disk, or set STACKLORE_HOME or STACKLORE_PROVISION_DIR to a folder you can write.`,
    cause,
  });
}
