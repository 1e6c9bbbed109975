import { errorMessage } from '../errors.ts';

/** One way to get something, with a name for messages. */
export interface Way<T> {
  readonly name: string;
  readonly get: () => Promise<T>;
}

/** Tries ways in order; gives the first result, or why each failed, as `name: reason`. */
export async function firstThatWorks<T>(
  ways: readonly Way<T>[],
  onFailure: (failure: string) => void,
): Promise<{ value: T } | { failures: string[] }> {
  const failures: string[] = [];
  for (const { name, get } of ways) {
    try {
      return { value: await get() };
    } catch (error) {
      const failure = `${name}: ${errorMessage(error)}`;
      failures.push(failure);
      onFailure(failure);
    }
  }
  return { failures };
}
