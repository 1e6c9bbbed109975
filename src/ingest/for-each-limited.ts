/**
 * Runs `work` for each item, at most `limit` at once, and takes the next item only when there is room: however many
 * items come, no more than `limit` are held. The first error stops the taking and is thrown when all have ended.
 */
export async function forEachLimited<T>(
  items: AsyncIterable<T>,
  limit: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const running = new Set<Promise<void>>();
  const errors: unknown[] = [];
  const start = (item: T): void => {
    const task = work(item)
      .catch((error: unknown) => void errors.push(error))
      .finally(() => running.delete(task));
    running.add(task);
  };
  const iterator = items[Symbol.asyncIterator]();
  // No variable holds an item, for that would last until the next one has come.
  while (errors.length === 0 && (await startNext(iterator, start))) {
    if (running.size >= limit) await Promise.race(running);
  }
  if (errors.length > 0) await iterator.return?.();
  await Promise.all(running);
  if (errors.length > 0) throw errors[0];
}

async function startNext<T>(iterator: AsyncIterator<T>, start: (item: T) => void): Promise<boolean> {
  const { done, value } = await iterator.next();
  if (!done) start(value);
  return !done;
}
