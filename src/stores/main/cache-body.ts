import { RecordError, StackloreError } from '../../errors.ts';
import { responseCacheRecord } from '../../schema/main.ts';

/** A value as it is cached. Throws `invalid_input` for what JSON cannot hold. */
export function encodeBody(value: unknown): string {
  try {
    return String(responseCacheRecord.value.encode(value));
  } catch (cause) {
    throw new StackloreError('invalid_input', {
      message: `The value cannot be cached as JSON (${(cause as Error).message}). Give text, numbers, lists and objects of these.`,
      cause,
    });
  }
}

/** A cached value, or `undefined` for what is no JSON. */
export function readBody(body: string): unknown {
  try {
    return responseCacheRecord.value.decode(body);
  } catch {
    return undefined;
  }
}

/** A cached value. Throws `record_invalid` naming the key. */
export function decodeBody(body: string, key: string): unknown {
  try {
    return responseCacheRecord.value.decode(body);
  } catch (error) {
    throw new RecordError(key, [{ field: 'value', message: (error as Error).message }]);
  }
}

/** Whether a body has at most so many UTF-8 bytes. */
export function fitsInto(body: string, maxBytes: number): boolean {
  // A UTF-16 unit takes one byte at least and three at most: most bodies need not be counted.
  return body.length * 3 <= maxBytes || (body.length <= maxBytes && Buffer.byteLength(body) <= maxBytes);
}
