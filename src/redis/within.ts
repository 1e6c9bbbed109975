/** A promise's value, unless it takes too long or is no longer wanted. */
export async function within<T>(timeoutMs: number, signal: AbortSignal, promise: Promise<T>): Promise<T> {
  signal.throwIfAborted();
  return new Promise<T>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    const abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort);
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
    };
    promise.finally(end).then(resolve, reject);
  });
}
