import { StackloreError } from '../../errors.ts';

/** How far a migration is. */
export interface MigrationProgress {
  /** What is being done: `compare`, `copy`, `verify` or `rows`. */
  readonly database: string;
  readonly done: number;
  readonly total: number;
}

/** What a caller may do while a migration goes on. */
export interface RunOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: MigrationProgress) => void) | undefined;
}

/** Throws `aborted` when told to stop. */
export function throwIfStopped(signal: AbortSignal | undefined): void {
  if (!signal?.aborted) return;
  throw new StackloreError('aborted', {
    message: 'Stopped as asked; what was done so far stays. Repeat the same command to go on.',
  });
}
