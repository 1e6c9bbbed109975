import { errorMessage, StackloreError } from '../errors.ts';
import { isFolderProblem } from './folder-problem.ts';

/** One way to get something, with a name for messages. */
export interface Way<T> {
  readonly name: string;
  readonly get: () => Promise<T>;
}

/**
 * Tries ways in order; gives the first result, or why each failed, as `name: reason`. Throws at once what no other way
 * would mend: a folder that cannot be written, a setting that is wrong, another process that holds the folder.
 */
export async function firstThatWorks<T>(
  ways: readonly Way<T>[],
  onFailure: (failure: string) => void,
): Promise<{ value: T } | { failures: string[] }> {
  const failures: string[] = [];
  for (const { name, get } of ways) {
    try {
      return { value: await get() };
    } catch (error) {
      if (concernsAll(error)) throw error;
      const failure = `${name}: ${errorMessage(error)}`;
      failures.push(failure);
      onFailure(failure);
    }
  }
  return { failures };
}

function concernsAll(error: unknown): boolean {
  const isOurs = error instanceof StackloreError && ['invalid_config', 'busy'].includes(error.code);
  return isOurs || isFolderProblem(error);
}
