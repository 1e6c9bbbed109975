import { StackloreError } from '../../errors.ts';

/** Throws unless the vector can be stored in, or compared with, vectors of these dimensions. */
export function checkVector(
  vector: Float32Array | undefined,
  dimensions: number,
  owner = 'the collection',
): asserts vector is Float32Array {
  if (!(vector instanceof Float32Array)) {
    throw new StackloreError('invalid_vector', {
      message: 'A vector must be a Float32Array. Convert it first.',
    });
  }
  if (vector.length !== dimensions) {
    throw new StackloreError('dimension_mismatch', {
      message: `The vector has ${vector.length} dimensions, ${owner} ${dimensions}. Use the model that those were made with.`,
    });
  }
  if (hasDirection(vector)) return;
  throw new StackloreError('invalid_vector', {
    message:
      'The vector is all zeros or holds NaN or an infinite number, so it has no direction. Embed the text again.',
  });
}

/** Whether a vector is neither all zeros nor holds NaN or an infinite number. */
export function hasDirection(vector: Float32Array): boolean {
  let squares = 0;
  for (let index = 0; index < vector.length; index += 1) {
    const value = vector[index] as number;
    squares += value * value;
  }
  // Infinity and NaN both show in the sum; RediSearch would take them and answer with a distance of nan.
  return squares > 0 && squares < Number.POSITIVE_INFINITY;
}
